// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/errors.h"

#include "runtime/api/exception_bytes.h"

namespace mobula {

void Throw(const ErrorInfo& about) {
  ErrorInfo info = about;
  if (!info.cause.View().empty()) info.message += "\n" + api::DecodeException(info.cause.View());
  switch (info.kind) {
    case ErrorKind::kWorkerCrashed:
      throw WorkerCrashedError(info);
    case ErrorKind::kNodeDied:
      throw NodeDiedError(info);
    case ErrorKind::kActorDied:
      throw ActorDiedError(info);
    case ErrorKind::kActorUnavailable:
      throw ActorUnavailableError(info);
    case ErrorKind::kActorUnschedulable:
      throw ActorUnschedulableError(info);
    case ErrorKind::kTaskUnschedulable:
      throw TaskUnschedulableError(info);
    case ErrorKind::kTaskCancelled:
      throw TaskCancelledError(info);
    case ErrorKind::kObjectLost:
      throw ObjectLostError(info);
    case ErrorKind::kObjectFreed:
      throw ObjectFreedError(info);
    case ErrorKind::kOwnerDied:
      throw OwnerDiedError(info);
    case ErrorKind::kObjectFetchTimedOut:
      throw ObjectFetchTimedOutError(info);
    case ErrorKind::kReconstructionFailed:
      throw ObjectReconstructionFailedError(info);
    case ErrorKind::kLineageEvicted:
      throw ObjectReconstructionFailedLineageEvictedError(info);
    case ErrorKind::kMaxAttemptsExceeded:
      throw ObjectReconstructionFailedMaxAttemptsExceededError(info);
    case ErrorKind::kReferenceCounting:
      throw ReferenceCountingAssertionError(info);
    case ErrorKind::kObjectStoreFull:
      throw ObjectStoreFullError(info);
    case ErrorKind::kOutOfDisk:
      throw OutOfDiskError(info);
    case ErrorKind::kOutOfMemory:
      throw OutOfMemoryError(info);
    case ErrorKind::kRuntimeEnvSetup:
      throw RuntimeEnvSetupError(info);
    case ErrorKind::kPendingCallsLimit:
      throw PendingCallsLimitExceeded(info);
    case ErrorKind::kGetTimeout:
      throw GetTimeoutError(info);
    case ErrorKind::kTaskPlacementGroupRemoved:
      throw TaskPlacementGroupRemoved(info);
    case ErrorKind::kActorPlacementGroupRemoved:
      throw ActorPlacementGroupRemoved(info);
    case ErrorKind::kInvalid:
      throw std::invalid_argument(info.message);
    case ErrorKind::kEndOfStream:  // Nothing here takes items of generators.
    case ErrorKind::kNone:
      break;
  }
  throw Error(info);
}

}  // namespace mobula
