# Build rules for guests: WebAssembly modules made by compilers other than the host's.

if(NOT WNN_GUESTS_DIR)
  set(WNN_GUESTS_DIR ${CMAKE_BINARY_DIR}/guests)
endif()

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

add_custom_target(guests ALL)

# wnn_cxx_guest(NAME SOURCES file... [FLAGS flag...] [LINK_FLAGS flag...]): NAME.wasm from C++.
function(wnn_cxx_guest name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;FLAGS;LINK_FLAGS")
  set(objects)
  foreach(source IN LISTS ARG_SOURCES)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.wasm.dir/${source}.o)
    cmake_path(GET object PARENT_PATH folder)
    file(MAKE_DIRECTORY ${folder})
    add_custom_command(
      OUTPUT ${object}
      COMMAND ${WNN_WASM_CXX} ${WNN_WASM_FLAGS} ${ARG_FLAGS} -MD -MT ${object} -MF ${object}.d
              -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source}
      DEPFILE ${object}.d
      COMMENT "Compiling ${source} for ${name}.wasm"
      VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  set(module ${WNN_GUESTS_DIR}/${name}.wasm)
  add_custom_command(
    OUTPUT ${module}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${WNN_GUESTS_DIR}
    COMMAND ${WNN_WASM_CXX} ${WNN_WASM_LINK_FLAGS} ${ARG_LINK_FLAGS} ${objects} -o ${module}
    DEPENDS ${objects}
    COMMENT "Linking ${name}.wasm"
    VERBATIM)
  add_custom_target(guest-${name} DEPENDS ${module})
  add_dependencies(guests guest-${name})
endfunction()

# wnn_rust_guest(NAME CRATE folder): NAME.wasm from a crate whose binary is called NAME. Cargo's
# own files stay outside both trees, so that a clean build folder does not compile crates again.
function(wnn_rust_guest name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "CRATE" "")
  find_program(WNN_CARGO cargo HINTS $ENV{HOME}/.cargo/bin)
  if(NOT WNN_CARGO)
    message(FATAL_ERROR "The Rust guest needs cargo: install rustup (its toolchain file picks the "
                        "version), or leave the guests out with -DWNN_BUILD_GUESTS=OFF.")
  endif()
  set(cache $ENV{XDG_CACHE_HOME})
  if(NOT cache)
    set(cache $ENV{HOME}/.cache)
  endif()
  set(target_dir ${cache}/wasi-nn-onnx/guest-target)
  set(crate ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_CRATE})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${crate}/src/*.rs)
  set(module ${WNN_GUESTS_DIR}/${name}.wasm)
  add_custom_command(
    OUTPUT ${module}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${WNN_GUESTS_DIR}
    COMMAND ${CMAKE_COMMAND} -E env CARGO_TARGET_DIR=${target_dir}
            ${WNN_CARGO} build --quiet --release --locked --target wasm32-wasip1
    COMMAND ${CMAKE_COMMAND} -E copy ${target_dir}/wasm32-wasip1/release/${name}.wasm ${module}
    DEPENDS ${sources} ${crate}/Cargo.toml ${crate}/Cargo.lock ${crate}/rust-toolchain.toml
    WORKING_DIRECTORY ${crate}
    COMMENT "Building ${name}.wasm with cargo"
    VERBATIM)
  add_custom_target(guest-${name} DEPENDS ${module})
  add_dependencies(guests guest-${name})
endfunction()
