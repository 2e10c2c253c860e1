# SPDX-License-Identifier: Apache-2.0
# The link graph is the architecture: a target's layer follows from the path of its folder, and
# mobula_check_layers() stops the configuration when a target links what its layer must not know.

# What each layer may link, besides itself.
set(mobula_layer_base "")
set(mobula_layer_core base)
set(mobula_layer_trace base core)
set(mobula_layer_wire base core)
set(mobula_layer_faults base core)
set(mobula_layer_host base core trace wire faults)
set(mobula_layer_sim base core trace wire faults)
set(mobula_layer_api base core faults host sim)
set(mobula_layer_python base core wire faults host sim api)
set(mobula_layer_tests base core trace wire faults host sim api python)
set(mobula_layer_bench base core wire faults host sim api python)

# Third-party packages that only some layers may link; a package named here in no list (Abseil,
# threads) is free. Header-only libraries do not show in the link graph; tools/tidy.py looks after
# their includes.
set(mobula_third_party
  "gRPC:: host"
  "protobuf:: wire host faults"
  "Boost::context sim"
  "hiredis:: host"
  "pybind11:: python"
  "rapidcheck faults tests"
  "GTest:: tests"
  "benchmark:: bench"
)

# mobula_layer_of(<variable> <folder>): sets <variable> to the layer that owns an absolute folder.
function(mobula_layer_of variable folder)
  file(RELATIVE_PATH path "${PROJECT_SOURCE_DIR}" "${folder}")
  string(REGEX REPLACE "^runtime/" "" path "${path}")
  string(REGEX REPLACE "/.*$" "" layer "${path}")
  if(NOT DEFINED mobula_layer_${layer})
    message(FATAL_ERROR "${folder} belongs to no layer; see cmake/MobulaLayers.cmake.")
  endif()
  set(${variable} "${layer}" PARENT_SCOPE)
endfunction()

# mobula_set_layer(<target>): marks a target with the layer of the folder being configured.
function(mobula_set_layer target)
  mobula_layer_of(layer "${CMAKE_CURRENT_SOURCE_DIR}")
  set_target_properties(${target} PROPERTIES MOBULA_LAYER "${layer}")
  set_property(GLOBAL APPEND PROPERTY MOBULA_LAYERED_TARGETS ${target})
endfunction()

# mobula_check_dependency(<target> <layer> <dependency>): fails when the graph forbids the edge.
function(mobula_check_dependency target layer dependency)
  if(TARGET ${dependency})
    get_target_property(dependency_layer ${dependency} MOBULA_LAYER)
    if(dependency_layer AND NOT dependency_layer IN_LIST mobula_layer_${layer}
       AND NOT dependency_layer STREQUAL layer)
      list(JOIN mobula_layer_${layer} ", " allowed)
      message(FATAL_ERROR
        "${target} is in layer '${layer}', which must not link ${dependency} of layer "
        "'${dependency_layer}'. '${layer}' may link: ${allowed}. The graph is in "
        "cmake/MobulaLayers.cmake and ARCHITECTURE.md.")
    endif()
  elseif(dependency MATCHES "^mobula::")
    message(FATAL_ERROR "${target} links ${dependency}, which no folder defines.")
  endif()

  foreach(rule IN LISTS mobula_third_party)
    separate_arguments(owners UNIX_COMMAND "${rule}")
    list(POP_FRONT owners package)
    string(FIND "${dependency}" "${package}" position)
    if(position EQUAL 0 AND NOT layer IN_LIST owners AND NOT layer MATCHES "^(tests|bench)$")
      list(JOIN owners ", " allowed)
      message(FATAL_ERROR
        "${target} is in layer '${layer}' and links ${dependency}, which belongs to: ${allowed}.")
    endif()
  endforeach()
endfunction()

# mobula_check_layers(): checks every edge of the link graph. Call it when all targets exist.
function(mobula_check_layers)
  get_property(targets GLOBAL PROPERTY MOBULA_LAYERED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(layer ${target} MOBULA_LAYER)
    set(dependencies)
    foreach(property LINK_LIBRARIES INTERFACE_LINK_LIBRARIES)
      get_target_property(value ${target} ${property})
      if(value)
        list(APPEND dependencies ${value})
      endif()
    endforeach()
    list(REMOVE_DUPLICATES dependencies)
    foreach(dependency IN LISTS dependencies)
      mobula_check_dependency(${target} ${layer} ${dependency})
    endforeach()
  endforeach()
endfunction()
