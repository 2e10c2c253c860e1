# SPDX-License-Identifier: Apache-2.0
# Compiler, linker and cache settings that hold for every target of the project.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")

# -fPIC and -pthread are given to everything by hand, because a precompiled header is only accepted
# by compilations with the same: CMake would compile executables with -fPIE, and gRPC asks for
# -pthread. The prefix map makes __FILE__ and debug information relative to the root, so that
# objects do not depend on where the checkout lies.
add_compile_options(
  -fPIC
  -pthread
  -fno-semantic-interposition
  -Wall
  -Wextra
  -Wconversion
  -Werror
  "-ffile-prefix-map=${PROJECT_SOURCE_DIR}/="
)

# GCC 12 takes some moves and assignments of std::string for writes out of bounds once it inlines
# them; GCC 13 no longer does.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options(-Wno-array-bounds -Wno-stringop-overflow -Wno-restrict)
endif()

# Clang does not count a call of a static member as a use of `this`, nor what a template leaves out.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wno-unused-lambda-capture)
endif()

# GCC takes a type of a .cc file's anonymous namespace for one of a header's when the file is
# included by that of a whole library.
if(MOBULA_UNITY)
  add_compile_options(-Wno-subobject-linkage)
endif()

if(MOBULA_SANITIZE)
  list(JOIN MOBULA_SANITIZE "," sanitizers)
  add_compile_options("-fsanitize=${sanitizers}" -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options("-fsanitize=${sanitizers}")
  # What sanitizers add hides from GCC 12 that std::regex sets its members (GCC bug 105562).
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
  if("thread" IN_LIST MOBULA_SANITIZE)
    # Asio's fences are unknown to the thread sanitizer, which GCC says of each.
    add_compile_options(-Wno-tsan)
  endif()
endif()

# mold links several times faster than the default linker; nothing depends on it.
find_program(MOBULA_MOLD mold)
if(MOBULA_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# ccache. base_dir lets build folders and checkouts share results; the sloppiness settings are what
# ccache asks for before it will cache a compilation that reads a precompiled header.
find_program(MOBULA_CCACHE ccache)
if(MOBULA_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros
    "${MOBULA_CCACHE}")
  add_compile_options(-fpch-preprocess)
endif()
