// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/storage/gcs_storage.h"

#include <boost/asio/post.hpp>
#include <future>
#include <iostream>
#include <utility>

namespace mobula::host {

absl::StatusOr<std::unique_ptr<GcsStorage>> GcsStorage::Open(boost::asio::io_context& loop,
                                                             const std::string& folder,
                                                             const DiskFaults& faults) {
  absl::StatusOr<LogFile> file = LogFile::Open(folder);
  if (!file.ok()) return file.status();
  if (!file->CutOff().empty()) std::cerr << "mobulad: " << file->CutOff() << std::endl;
  return std::unique_ptr<GcsStorage>(new GcsStorage(loop, *std::move(file), faults));
}

GcsStorage::~GcsStorage() { thread_.join(); }

absl::StatusOr<gcs::LogRecords> GcsStorage::Read() {
  std::promise<absl::StatusOr<gcs::Rows>> promise;
  boost::asio::post(thread_, [&] { promise.set_value(file_.Read()); });
  const absl::StatusOr<gcs::Rows> rows = promise.get_future().get();
  if (!rows.ok()) return rows.status();
  return rows->Records();
}

void GcsStorage::Write(gcs::WriteLog write, std::function<void(absl::Status)> done) {
  boost::asio::post(thread_, [this, write = std::move(write), done = std::move(done)] {
    boost::asio::post(loop_, [done, status = Append(write)] { done(status); });
  });
}

absl::Status GcsStorage::Append(const gcs::WriteLog& write) {
  const absl::Status status = faults_.BeforeWrite(faults::DiskFiles::kGcsLog);
  return status.ok() ? file_.Append(write) : status;
}

}  // namespace mobula::host
