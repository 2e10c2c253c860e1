// SPDX-License-Identifier: Apache-2.0
/// What `Get` throws: the tree of `mobula.exceptions` (Ray's names) in C++.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "runtime/core/protocol/error.h"

namespace mobula {

/// Root of the tree. `Info()` says what the error is about; its kind is kNone where no machine made
/// it.
class Error : public std::runtime_error {
 public:
  explicit Error(ErrorInfo info) : std::runtime_error(info.message), info_(std::move(info)) {}
  [[nodiscard]] const ErrorInfo& Info() const { return info_; }

 private:
  ErrorInfo info_;
};

/// The function threw: `what()` is the type and text of its exception, with the name of the task.
class TaskError : public Error {
 public:
  explicit TaskError(std::string message) : Error(Described(std::move(message))) {}

 private:
  static ErrorInfo Described(std::string message) {
    ErrorInfo info;
    info.message = std::move(message);
    return info;
  }
};
/// A value does not have the type it is read as.
class SerializationError : public TaskError {
  using TaskError::TaskError;
};

class WorkerCrashedError : public Error {
  using Error::Error;
};
class NodeDiedError : public Error {
  using Error::Error;
};
class ActorError : public Error {
  using Error::Error;
};
class ActorDiedError : public ActorError {
  using ActorError::ActorError;
};
class ActorUnavailableError : public ActorError {
  using ActorError::ActorError;
};
class ActorUnschedulableError : public Error {
  using Error::Error;
};
class TaskUnschedulableError : public Error {
  using Error::Error;
};
class TaskCancelledError : public Error {
  using Error::Error;
};
class ObjectLostError : public Error {
  using Error::Error;
};
class ObjectFreedError : public ObjectLostError {
  using ObjectLostError::ObjectLostError;
};
class OwnerDiedError : public ObjectLostError {
  using ObjectLostError::ObjectLostError;
};
class ObjectFetchTimedOutError : public ObjectLostError {
  using ObjectLostError::ObjectLostError;
};
class ReferenceCountingAssertionError : public ObjectLostError {
  using ObjectLostError::ObjectLostError;
};
class ObjectReconstructionFailedError : public ObjectLostError {
  using ObjectLostError::ObjectLostError;
};
class ObjectReconstructionFailedLineageEvictedError : public ObjectLostError {
  using ObjectLostError::ObjectLostError;
};
class ObjectReconstructionFailedMaxAttemptsExceededError : public ObjectLostError {
  using ObjectLostError::ObjectLostError;
};
class ObjectStoreFullError : public Error {
  using Error::Error;
};
class OutOfDiskError : public Error {
  using Error::Error;
};
class OutOfMemoryError : public Error {
  using Error::Error;
};
class RuntimeEnvSetupError : public Error {
  using Error::Error;
};
class PendingCallsLimitExceeded : public Error {
  using Error::Error;
};
class GetTimeoutError : public Error {
  using Error::Error;
};
class TaskPlacementGroupRemoved : public Error {
  using Error::Error;
};
class ActorPlacementGroupRemoved : public Error {
  using Error::Error;
};

/// Throws the class that stands for `info.kind`; std::invalid_argument for kInvalid.
[[noreturn]] void Throw(const ErrorInfo& info);

}  // namespace mobula
