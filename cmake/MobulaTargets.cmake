# SPDX-License-Identifier: Apache-2.0
# The functions with which the folders declare what they hold. Sources are listed, never globbed.
# Code includes by path from the root: #include "runtime/core/gcs/gcs.h".

# mobula_add_existing_subdirectories(<folder>...)
# Adds those of the folders that have a CMakeLists.txt, so that folders may come one by one.
function(mobula_add_existing_subdirectories)
  foreach(folder IN LISTS ARGN)
    if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt")
      add_subdirectory("${folder}")
    endif()
  endforeach()
endfunction()

# Two precompiled headers serve all targets: <std> for libraries and binaries, <test> for tests.
# They belong to empty libraries, from which the targets below reuse them. A target must not add
# compile options of its own, or the compiler rejects the precompiled header (an error here).
function(mobula_add_precompiled_header name)
  add_library(mobula_pch_${name} OBJECT "${PROJECT_SOURCE_DIR}/cmake/pch_${name}.cc")
  target_precompile_headers(mobula_pch_${name}
    PRIVATE "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/cmake/pch_${name}.h>")
  target_link_libraries(mobula_pch_${name} PRIVATE ${ARGN})
endfunction()

mobula_add_precompiled_header(std)
if(MOBULA_TESTS)
  mobula_add_precompiled_header(test GTest::gmock)
  target_compile_options(mobula_pch_test PRIVATE ${MOBULA_TEST_OPTIONS})
endif()

# mobula_unite(<target>)
# Where MOBULA_UNITY is on, all sources of the target are one compilation, which reads what they
# include once. Names in their anonymous namespaces must differ.
function(mobula_unite target)
  if(MOBULA_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
  endif()
endfunction()

# mobula_library(NAME <name> [SRCS <file.cc>...] [HDRS <file.h>...] [DEPS <target>...] [NO_PCH])
# Defines the static library mobula::<name>, or a header-only one when there are no SRCS.
# DEPS are linked publicly; the layer graph (MobulaLayers.cmake) says which are allowed.
# NO_PCH is for sources that are compiled with options of their own.
#
#   mobula_library(
#     NAME core_gcs
#     SRCS gcs.cc
#     HDRS gcs.h
#     DEPS mobula::base absl::status)
function(mobula_library)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "NO_PCH" "NAME" "SRCS;HDRS;DEPS")
  mobula_reject_leftovers(mobula_library)
  set(target mobula_${ARG_NAME})
  if(ARG_SRCS)
    set(scope PUBLIC)
    add_library(${target} STATIC ${ARG_SRCS})
    if(NOT ARG_NO_PCH)
      target_precompile_headers(${target} REUSE_FROM mobula_pch_std)
    endif()
    mobula_layer_of(layer "${CMAKE_CURRENT_SOURCE_DIR}")
    if(NOT layer MATCHES "^(tests|bench)$")
      mobula_unite(${target})
    endif()
  else()
    set(scope INTERFACE)
    add_library(${target} INTERFACE)
  endif()
  add_library(mobula::${ARG_NAME} ALIAS ${target})
  # A header set also gives each header a compilation of its own in the target
  # all_verify_interface_header_sets, which shows that it includes what it needs.
  target_sources(${target} ${scope}
    FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${ARG_HDRS})
  target_include_directories(${target} ${scope} "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${target} ${scope} ${ARG_DEPS})
  mobula_set_layer(${target})
endfunction()

# mobula_binary(NAME <name> SRCS <file.cc>... [DEPS <target>...])
# Defines the executable <name>, built as bin/<name>.
function(mobula_binary)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME" "SRCS;DEPS")
  mobula_reject_leftovers(mobula_binary)
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_precompile_headers(${ARG_NAME} REUSE_FROM mobula_pch_std)
  target_include_directories(${ARG_NAME} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS})
  mobula_set_layer(${ARG_NAME})
endfunction()

# mobula_test(NAME <name> SRCS <file.cc>... [DEPS <target>...] [TIMEOUT <seconds>])
# Defines the GoogleTest executable <name> (main and gmock included) and one CTest test for each
# TEST in it. Tests run from the root of the checkout, have 60 s unless TIMEOUT says otherwise,
# and carry the path of their folder as label: ctest --preset dev -L runtime/core.
function(mobula_test)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME;TIMEOUT" "SRCS;DEPS")
  mobula_reject_leftovers(mobula_test)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_precompile_headers(${ARG_NAME} REUSE_FROM mobula_pch_test)
  target_compile_options(${ARG_NAME} PRIVATE ${MOBULA_TEST_OPTIONS})
  mobula_unite(${ARG_NAME})
  target_include_directories(${ARG_NAME} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${ARG_NAME} PRIVATE GTest::gtest_main GTest::gmock ${ARG_DEPS})
  mobula_set_layer(${ARG_NAME})
  file(RELATIVE_PATH label "${PROJECT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
  string(REGEX REPLACE "^tests/" "" label "${label}")
  gtest_discover_tests(${ARG_NAME}
    DISCOVERY_MODE PRE_TEST
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${label}")
endfunction()

# mobula_bench(NAME <name> SRCS <file.cc>... [DEPS <target>...])
# Defines the Google Benchmark executable <name>, main included.
function(mobula_bench)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME" "SRCS;DEPS")
  mobula_reject_leftovers(mobula_bench)
  mobula_binary(NAME ${ARG_NAME} SRCS ${ARG_SRCS} DEPS benchmark::benchmark_main ${ARG_DEPS})
endfunction()

# mobula_proto(NAME <name> PROTOS <file.proto>... [DEPS <target>...] [GRPC])
# Compiles .proto files into the library mobula::<name>; GRPC adds the service stubs, for host only.
# A file is imported and included by its path from the root: "runtime/wire/message.pb.h".
# Generated code is compiled without our warnings and is a system header to those who include it.
function(mobula_proto)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "GRPC" "NAME" "PROTOS;DEPS")
  mobula_reject_leftovers(mobula_proto)
  set(target mobula_${ARG_NAME})
  set(out "${PROJECT_BINARY_DIR}/generated")
  file(MAKE_DIRECTORY "${out}")
  set(kinds .pb)
  set(plugin)
  if(ARG_GRPC)
    list(APPEND kinds .grpc.pb)
    set(plugin "--grpc_out=${out}" "--plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>")
  endif()

  set(generated)
  file(RELATIVE_PATH folder "${PROJECT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
  foreach(proto IN LISTS ARG_PROTOS)
    string(REGEX REPLACE "\\.proto$" "" stem "${folder}/${proto}")
    list(TRANSFORM kinds PREPEND "${out}/${stem}" OUTPUT_VARIABLE stems)
    list(TRANSFORM stems APPEND .h OUTPUT_VARIABLE headers)
    list(TRANSFORM stems APPEND .cc OUTPUT_VARIABLE sources)
    add_custom_command(
      OUTPUT ${headers} ${sources}
      COMMAND protobuf::protoc "--proto_path=${PROJECT_SOURCE_DIR}" "--cpp_out=${out}" ${plugin}
              "${folder}/${proto}"
      DEPENDS "${PROJECT_SOURCE_DIR}/${folder}/${proto}" protobuf::protoc
      COMMENT "Generating ${stem}.pb.h"
      VERBATIM)
    list(APPEND generated ${headers} ${sources})
  endforeach()

  add_library(${target} STATIC ${generated})
  add_library(mobula::${ARG_NAME} ALIAS ${target})
  target_compile_options(${target} PRIVATE -w)
  target_include_directories(${target} SYSTEM PUBLIC "${out}")
  target_link_libraries(${target} PUBLIC protobuf::libprotobuf ${ARG_DEPS})
  if(ARG_GRPC)
    target_link_libraries(${target} PUBLIC gRPC::grpc++)
  endif()
  mobula_set_layer(${target})
endfunction()

# mobula_python_module(NAME <name> SRCS <file.cc>... [DEPS <target>...])
# Defines the extension module mobula.<name> with pybind11, and builds it into python/mobula, so
# that a package that points there is always the last build's.
function(mobula_python_module)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME" "SRCS;DEPS")
  mobula_reject_leftovers(mobula_python_module)
  # Without the extras: pybind11 would add link-time optimisation, and refuse our precompiled
  # header.
  pybind11_add_module(${ARG_NAME} MODULE NO_EXTRAS ${ARG_SRCS})
  set_target_properties(${ARG_NAME} PROPERTIES
    LIBRARY_OUTPUT_DIRECTORY "${PROJECT_SOURCE_DIR}/python/mobula")
  target_include_directories(${ARG_NAME} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS})
  install(TARGETS ${ARG_NAME} LIBRARY DESTINATION mobula)
  mobula_set_layer(${ARG_NAME})
endfunction()

# Stops when a function above was given an argument that it does not know, e.g. a misspelt DEPS.
macro(mobula_reject_leftovers function)
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${function}(NAME ${ARG_NAME}): unknown ${ARG_UNPARSED_ARGUMENTS}")
  endif()
endmacro()
