// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runtime/core/protocol/address.h"

namespace mobula {

/// Why a value will never come. Each kind is one exception class of `mobula.exceptions` (Ray's
/// names).
enum class ErrorKind {
  kNone,
  kWorkerCrashed,     ///< WorkerCrashedError: the process died and no retry is left.
  kNodeDied,          ///< NodeDiedError: as above, because its node died.
  kActorDied,         ///< ActorDiedError: dead for good, or the call was lost with no retry left.
  kActorUnavailable,  ///< ActorUnavailableError: restarting or unreachable; the call may have run.
  kActorUnschedulable,    ///< ActorUnschedulableError
  kTaskUnschedulable,     ///< TaskUnschedulableError
  kTaskCancelled,         ///< TaskCancelledError
  kObjectLost,            ///< ObjectLostError: every copy is gone and the object was made by `put`.
  kObjectFreed,           ///< ObjectFreedError
  kOwnerDied,             ///< OwnerDiedError
  kObjectFetchTimedOut,   ///< ObjectFetchTimedOutError
  kReconstructionFailed,  ///< ObjectReconstructionFailedError: the creating task may not run again.
  kLineageEvicted,        ///< ObjectReconstructionFailedLineageEvictedError
  kMaxAttemptsExceeded,   ///< ObjectReconstructionFailedMaxAttemptsExceededError
  kReferenceCounting,     ///< ReferenceCountingAssertionError
  kObjectStoreFull,       ///< ObjectStoreFullError
  kOutOfDisk,             ///< OutOfDiskError
  kOutOfMemory,           ///< OutOfMemoryError
  kRuntimeEnvSetup,       ///< RuntimeEnvSetupError
  kPendingCallsLimit,     ///< PendingCallsLimitExceeded
  kGetTimeout,            ///< GetTimeoutError: the request's own deadline passed.
  kInvalid,  ///< ValueError: the request itself is wrong; the message says what was expected.
  kTaskPlacementGroupRemoved,   ///< TaskPlacementGroupRemoved: it was to run in one that is gone.
  kActorPlacementGroupRemoved,  ///< ActorPlacementGroupRemoved
  kEndOfStream,  ///< ObjectRefStreamEndOfStreamError: the generator made no such item.
};
BOOST_DESCRIBE_ENUM(ErrorKind, kNone, kWorkerCrashed, kNodeDied, kActorDied, kActorUnavailable,
                    kActorUnschedulable, kTaskUnschedulable, kTaskCancelled, kObjectLost,
                    kObjectFreed, kOwnerDied, kObjectFetchTimedOut, kReconstructionFailed,
                    kLineageEvicted, kMaxAttemptsExceeded, kReferenceCounting, kObjectStoreFull,
                    kOutOfDisk, kOutOfMemory, kRuntimeEnvSetup, kPendingCallsLimit, kGetTimeout,
                    kInvalid, kTaskPlacementGroupRemoved, kActorPlacementGroupRemoved, kEndOfStream)

/// An outcome told to a user: what happened, to what, why, and what would have made it recoverable.
struct ErrorInfo {
  ErrorKind kind = ErrorKind::kNone;
  std::string message;
  /// What the error is about; nil where it does not apply.
  ObjectId object;
  TaskId task;
  ActorId actor;
  /// The application's own exception behind it (an actor whose constructor raised), as the language
  /// layer serialised it; empty when there is none.
  Bytes cause;
  MOBULA_FIELDS(ErrorInfo, kind, message, object, task, actor, cause)

  [[nodiscard]] bool Ok() const { return kind == ErrorKind::kNone; }
};

enum class PayloadKind {
  kValue,      ///< `data` is a value serialised by the language layer.
  kException,  ///< `data` is the application's exception, serialised by the language layer.
  kError,      ///< A system error; see `error`. `data` is empty.
};
BOOST_DESCRIBE_ENUM(PayloadKind, kValue, kException, kError)

/// A value small enough to travel in messages (at most `kInlineLimit` bytes), or the error in its
/// place.
struct Payload {
  static constexpr std::uint64_t kInlineLimit = 100 * 1024;

  PayloadKind kind = PayloadKind::kValue;
  Bytes data;
  /// Of kError only.
  Boxed<ErrorInfo> error;
  MOBULA_FIELDS(Payload, kind, data, error)

  static Payload Error(ErrorInfo info) { return {PayloadKind::kError, Bytes(), std::move(info)}; }
  /// The error; an empty one when there is none.
  [[nodiscard]] const ErrorInfo& Problem() const {
    static const ErrorInfo none;
    return error ? *error : none;
  }
};

}  // namespace mobula
