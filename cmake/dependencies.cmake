# What tools/deps.py installed, as targets: wasmtime, onnxruntime_headers.
find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)
find_package(Threads REQUIRED)

if(WNN_WITH_TRACT)
  set(wnn_deps_flags --tract)
endif()
execute_process(
  COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/deps.py cmake
          ${wnn_deps_flags}
  OUTPUT_VARIABLE wnn_paths
  RESULT_VARIABLE wnn_result)
if(NOT wnn_result EQUAL 0)
  if(WNN_WITH_TRACT)
    set(wnn_setup_words " TRACT=1")
  endif()
  message(FATAL_ERROR
    "The dependencies are not set up: run `make setup${wnn_setup_words}` in ${PROJECT_SOURCE_DIR}")
endif()
cmake_language(EVAL CODE "${wnn_paths}")

# The name that the installed package gives it, too.
add_library(wasi-nn-onnx::wasmtime STATIC IMPORTED GLOBAL)
add_library(wasmtime ALIAS wasi-nn-onnx::wasmtime)
set_target_properties(wasi-nn-onnx::wasmtime PROPERTIES
  IMPORTED_LOCATION ${WNN_WASMTIME_DIR}/lib/libwnn_wasmtime.a
  INTERFACE_INCLUDE_DIRECTORIES ${WNN_WASMTIME_DIR}/include)
target_link_libraries(wasi-nn-onnx::wasmtime INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
if(WNN_WITH_TRACT)
  # Its assembly does not say that it needs no executable stack, and it needs none.
  target_link_options(wasi-nn-onnx::wasmtime INTERFACE -Wl,-z,noexecstack)
endif()

# Headers only: the library is opened at run time.
add_library(onnxruntime_headers INTERFACE)
target_include_directories(onnxruntime_headers SYSTEM INTERFACE ${WNN_ONNXRUNTIME_INCLUDE_DIR})
