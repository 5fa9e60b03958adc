# The few build rules that every folder uses.

add_library(wnn_compile_options INTERFACE)
target_compile_features(wnn_compile_options INTERFACE cxx_std_20)
target_include_directories(wnn_compile_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(wnn_compile_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor)
if(WNN_WERROR)
  target_compile_options(wnn_compile_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(wnn_compile_options INTERFACE -Wthread-safety)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 warns about std::string and std::variant internals that it cannot follow.
  target_compile_options(wnn_compile_options INTERFACE
    -Wno-maybe-uninitialized -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow)
endif()

# wnn_library(NAME SOURCES file... [DEPS target...]): a static library of ours.
function(wnn_library name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;DEPS")
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} wnn_compile_options)
endfunction()

# wnn_test(NAME SOURCES file... [DEPS target...] [LABEL label]): a GoogleTest executable; CTest counts
# its cases, and `ctest -L label` picks them.
function(wnn_test name)
  if(NOT WNN_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "LABEL" "SOURCES;DEPS")
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest_main wnn_compile_options)
  target_compile_definitions(${name} PRIVATE WNN_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300 LABELS "${ARG_LABEL}")
endfunction()
