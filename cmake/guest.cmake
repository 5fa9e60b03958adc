# Build rules for guests: WebAssembly modules made by compilers other than the host's.

set(WNN_GUESTS_DIR ${CMAKE_BINARY_DIR}/guests CACHE PATH "Where built guests go")

# clang's own name for WASI preview 1; "wasm32-wasip1" does not find Debian's headers.
set(WNN_WASM_TARGET wasm32-wasi)
find_program(WNN_WASM_CXX NAMES clang++-22 clang++)
find_path(WNN_WASM_LIBC_DIR wasi/api.h PATHS /usr/include/${WNN_WASM_TARGET} NO_DEFAULT_PATH)
# A folder that holds only stb: the native system headers must not reach a wasm32 compilation.
find_path(WNN_STB_DIR stb_image.h PATH_SUFFIXES stb)
if(NOT WNN_WASM_CXX OR NOT WNN_WASM_LIBC_DIR OR NOT WNN_STB_DIR)
  message(FATAL_ERROR
    "The guests need Debian's clang-22, lld-22, wasi-libc, libc++-22-dev-wasm32, "
    "libc++abi-22-dev-wasm32, libclang-rt-22-dev-wasm32 and libstb-dev; install them, or leave the "
    "guests out with -DWNN_BUILD_GUESTS=OFF.")
endif()

set(WNN_WASM_FLAGS
  --target=${WNN_WASM_TARGET} -Wno-deprecated -std=c++23 -O3 -fno-exceptions -DNDEBUG
  -Wall -Wextra -Wpedantic -Wshadow -I${PROJECT_SOURCE_DIR} -I${PROJECT_SOURCE_DIR}/guest/include
  -isystem ${WNN_STB_DIR})
if(WNN_WERROR)
  list(APPEND WNN_WASM_FLAGS -Werror)
endif()

# A stack of 1 MiB below the data, so that running over it traps instead of writing over data.
set(WNN_WASM_LINK_FLAGS
  --target=${WNN_WASM_TARGET} -Wno-deprecated -O3
  -Wl,-z,stack-size=1048576 -Wl,--stack-first -Wl,--strip-debug -Wl,--fatal-warnings)

# Rust's own toolchain has the program that makes a component of a core module, with WASI's adapter
# in it. It looks for the module's interfaces in a folder of WIT.
find_program(WNN_CARGO cargo HINTS $ENV{HOME}/.cargo/bin)
if(WNN_CARGO AND NOT WNN_COMPONENT_LD)
  cmake_path(GET WNN_CARGO PARENT_PATH cargo_folder)
  execute_process(
    COMMAND ${cargo_folder}/rustc --print sysroot
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}/guest/rust
    OUTPUT_VARIABLE rust_sysroot OUTPUT_STRIP_TRAILING_WHITESPACE)
  file(GLOB WNN_COMPONENT_LD ${rust_sysroot}/lib/rustlib/*/bin/wasm-component-ld)
  set(WNN_COMPONENT_LD ${WNN_COMPONENT_LD} CACHE FILEPATH "Makes components of core modules")
endif()

add_custom_target(guests ALL)

# wnn_library_sources(TARGET OUT): the sources, as absolute paths, of a library of ours and of those
# that it links, so that guests can compile it without a second list.
function(wnn_library_sources target out)
  wnn_libraries_below(libraries ${target})
  set(sources)
  foreach(library IN LISTS libraries)
    get_target_property(folder ${library} SOURCE_DIR)
    get_target_property(own_sources ${library} SOURCES)
    foreach(source IN LISTS own_sources)
      cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${folder} NORMALIZE)
      list(APPEND sources ${source})
    endforeach()
  endforeach()
  set(${out} ${sources} PARENT_SCOPE)
endfunction()

# wnn_wasm_objects(OUT SET SOURCES file... [FLAGS flag...]): compiles C++ and C to WebAssembly object
# files, whose paths OUT receives. Objects of one SET lie in one folder.
function(wnn_wasm_objects out set)
  cmake_parse_arguments(PARSE_ARGV 2 ARG "" "" "SOURCES;FLAGS")
  set(objects)
  foreach(source IN LISTS ARG_SOURCES)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE path)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${set}.wasm.dir/${path}.o)
    cmake_path(GET object PARENT_PATH folder)
    file(MAKE_DIRECTORY ${folder})
    set(language)
    if(source MATCHES "\\.c$")
      set(language -x c -std=c11)
    endif()
    add_custom_command(
      OUTPUT ${object}
      COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${WNN_WASM_CXX} ${WNN_WASM_FLAGS} ${language} ${ARG_FLAGS} -MD -MT ${object} -MF ${object}.d
              -c ${source} -o ${object}
      DEPENDS ${source}
      DEPFILE ${object}.d
      COMMENT "Compiling ${path} for ${set}.wasm"
      VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  set(${out} ${objects} PARENT_SCOPE)
endfunction()

# wnn_link_guest(NAME OBJECTS file... [FLAGS flag...] [DEPENDS file...]): NAME.wasm from object files.
function(wnn_link_guest name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "OBJECTS;FLAGS;DEPENDS")
  set(module ${WNN_GUESTS_DIR}/${name}.wasm)
  add_custom_command(
    OUTPUT ${module}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${WNN_GUESTS_DIR}
    COMMAND ${WNN_WASM_CXX} ${WNN_WASM_LINK_FLAGS} ${ARG_FLAGS} ${ARG_OBJECTS} -o ${module}
    DEPENDS ${ARG_OBJECTS} ${ARG_DEPENDS}
    COMMENT "Linking ${name}.wasm"
    VERBATIM)
  add_custom_target(guest-${name} DEPENDS ${module})
  add_dependencies(guests guest-${name})
endfunction()

# wnn_cxx_guest(NAME SOURCES file... [FLAGS flag...] [LINK_FLAGS flag...]): NAME.wasm from C++.
function(wnn_cxx_guest name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;FLAGS;LINK_FLAGS")
  wnn_wasm_objects(objects ${name} SOURCES ${ARG_SOURCES} FLAGS ${ARG_FLAGS})
  wnn_link_guest(${name} OBJECTS ${objects} FLAGS ${ARG_LINK_FLAGS})
endfunction()

# wnn_cxx_component(NAME SOURCES file... [FLAGS flag...]): NAME.wasm, a component that runs as a
# command, from C++ or C on wasi_nn.hpp or wasi_nn.h.
function(wnn_cxx_component name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;FLAGS")
  if(NOT WNN_COMPONENT_LD)
    message(FATAL_ERROR "Components in C++ need wasm-component-ld, which comes with the Rust "
                        "toolchain of guest/rust: install rustup, or leave the guests out with "
                        "-DWNN_BUILD_GUESTS=OFF.")
  endif()
  set(component ${PROJECT_SOURCE_DIR}/guest/component)
  file(GLOB_RECURSE wit CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/guest/wit/*.wit)
  wnn_wasm_objects(objects ${name}
    SOURCES ${ARG_SOURCES} ${component}/start.cc ${component}/wasi_nn_component.cc
            ${component}/wasi_nn_onnx_component.cc
    FLAGS -DWASI_NN_COMPONENT -ffunction-sections ${ARG_FLAGS})
  wnn_link_guest(${name} OBJECTS ${objects}
    FLAGS -nostartfiles -fuse-ld=${WNN_COMPONENT_LD}
          -Wl,--component-type,${PROJECT_SOURCE_DIR}/guest/wit/extension
    DEPENDS ${wit})
endfunction()

# wnn_rust_guests(WORKSPACE folder TARGET triple [SUFFIX text] GUESTS name... [UNITS package...]):
# NAME.wasm, with the suffix after NAME, for each package of a Cargo workspace whose binary is called
# NAME, and the unit tests of some of its packages. Packages of one call share their crates' features. Cargo's own files stay outside both trees, so that a clean build folder does not compile
# crates again.
function(wnn_rust_guests)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "WORKSPACE;TARGET;SUFFIX" "GUESTS;UNITS")
  find_program(WNN_CARGO cargo HINTS $ENV{HOME}/.cargo/bin)
  if(NOT WNN_CARGO)
    message(FATAL_ERROR "The Rust guests need cargo: install rustup (their toolchain file picks "
                        "the version), or leave the guests out with -DWNN_BUILD_GUESTS=OFF.")
  endif()
  set(cache $ENV{XDG_CACHE_HOME})
  if(NOT cache)
    set(cache $ENV{HOME}/.cache)
  endif()
  set(target_dir ${cache}/wasi-nn-onnx/guest-target)
  set(workspace ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_WORKSPACE})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS
    ${workspace}/*.rs ${workspace}/*.toml ${workspace}/Cargo.lock ${CMAKE_CURRENT_SOURCE_DIR}/wit/*.wit)
  set(modules)
  set(packages)
  set(copies)
  foreach(name IN LISTS ARG_GUESTS)
    set(module ${WNN_GUESTS_DIR}/${name}${ARG_SUFFIX}.wasm)
    list(APPEND modules ${module})
    list(APPEND packages --package ${name})
    list(APPEND copies COMMAND ${CMAKE_COMMAND} -E copy
      ${target_dir}/${ARG_TARGET}/release/${name}.wasm ${module})
  endforeach()
  add_custom_command(
    OUTPUT ${modules}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${WNN_GUESTS_DIR}
    COMMAND ${CMAKE_COMMAND} -E env CARGO_TARGET_DIR=${target_dir}
            ${WNN_CARGO} build --quiet --release --locked --target ${ARG_TARGET} ${packages}
    ${copies}
    DEPENDS ${sources}
    WORKING_DIRECTORY ${workspace}
    COMMENT "Building the Rust guests of ${ARG_WORKSPACE} for ${ARG_TARGET}"
    VERBATIM)
  list(GET ARG_GUESTS 0 first)
  set(target guests-${ARG_WORKSPACE}-${ARG_TARGET}-${first})
  add_custom_target(${target} DEPENDS ${modules})
  add_dependencies(guests ${target})
  if(WNN_BUILD_TESTS)
    foreach(package IN LISTS ARG_UNITS)
      add_test(NAME guests.units.${package}
        COMMAND ${CMAKE_COMMAND} -E env CARGO_TARGET_DIR=${target_dir}
                ${WNN_CARGO} test --quiet --locked --all-features --package ${package}
        WORKING_DIRECTORY ${workspace})
      set_tests_properties(guests.units.${package} PROPERTIES TIMEOUT 600)
    endforeach()
  endif()
endfunction()
