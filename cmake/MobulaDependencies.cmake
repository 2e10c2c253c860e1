# SPDX-License-Identifier: Apache-2.0
# Third-party packages, all from Debian 12. Which layer may link which is in MobulaLayers.cmake.

find_package(Threads REQUIRED)
find_package(mimalloc 2 REQUIRED)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS context)
# Its package has no description for CMake, and that for pkg-config sets macros for all that use it.
find_library(hiredis_library hiredis REQUIRED)
add_library(hiredis::hiredis INTERFACE IMPORTED)
target_link_libraries(hiredis::hiredis INTERFACE "${hiredis_library}")

if(MOBULA_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
find_package(rapidcheck REQUIRED)
if(MOBULA_BENCH)
  find_package(benchmark REQUIRED)
endif()

if(MOBULA_PYTHON)
  if(MOBULA_PYTHON_EXECUTABLE)
    set(Python_EXECUTABLE "${MOBULA_PYTHON_EXECUTABLE}")
  elseif(EXISTS "${PROJECT_SOURCE_DIR}/.venv/bin/python")
    set(Python_EXECUTABLE "${PROJECT_SOURCE_DIR}/.venv/bin/python")
  endif()
  find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module)
  # A pybind11 installed beside that Python knows its own place; otherwise Debian's is found.
  execute_process(
    COMMAND "${Python_EXECUTABLE}" -m pybind11 --cmakedir
    OUTPUT_VARIABLE pybind11_ROOT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(PYBIND11_FINDPYTHON ON)
  find_package(pybind11 REQUIRED)
endif()

# What a runtime has in its tables and messages are small blocks by the thousand, freed by and by:
# the C library's malloc took a tenth of a C++ driver's instructions more. Only for executables, as
# a process has one allocator; sanitizers bring their own.
add_library(mobula_allocator INTERFACE)
add_library(mobula::allocator ALIAS mobula_allocator)
if(NOT MOBULA_SANITIZE)
  target_link_options(mobula_allocator INTERFACE
    "LINKER:--push-state,--no-as-needed" "$<TARGET_FILE:mimalloc>" "LINKER:--pop-state")
endif()
