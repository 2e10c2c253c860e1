// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/exception_bytes.h"

#include <cxxabi.h>

#include <cstdlib>
#include <tuple>
#include <typeinfo>
#include <utility>

#include "runtime/api/codec.h"
#include "runtime/api/errors.h"

namespace mobula::api {
namespace {

constexpr char kCpp[] = "CPP";

std::string Demangled(const std::type_info& type) {
  int status = 0;
  char* name = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
  const std::string text = status == 0 ? name : type.name();
  std::free(name);
  return text;
}

}  // namespace

// Python does both in mobula/_errors.py.
Bytes EncodeException(const TaskSpec& spec, const std::exception& thrown) {
  const auto* known = dynamic_cast<const TaskError*>(&thrown);
  // What a task threw that this one waited for says where already; so do our own.
  const std::string text = known != nullptr ? thrown.what()
                                            : spec.header->name + " threw " +
                                                  Demangled(typeid(thrown)) + ": " + thrown.what();
  Encoded out;
  out.data += kPackedTag;
  PackArray(3, out);
  Write(std::tuple(spec.header->name, text), out);
  PackNil(out);
  PackText(kCpp, out);
  return Bytes(std::move(out.data));
}

std::string DecodeException(std::string_view data) {
  Reader in(EncodedSource{data, {}, false});
  in.TakeArrayOf(3);
  std::uint32_t facts = in.TakeArray();
  const std::string name(in.TakeBytes());
  std::string text(in.TakeBytes());
  for (facts -= 2; facts > 0; --facts) in.Skip();
  in.Skip();
  if (in.TakeBytes() == kCpp) return text;
  // Without a name it is of a worker that did not come so far.
  return (name.empty() ? "raised in Python:\n" : name + " raised in Python:\n") + text;
}

}  // namespace mobula::api
