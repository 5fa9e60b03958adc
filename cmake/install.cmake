# `cmake --install`: the executable, and for embedders a package with which find_package(wasi-nn-onnx)
# works, wherever it is moved to. All of our libraries go into one archive: an embedder's linker takes
# what is used.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(WNN_INSTALL_INCLUDE_DIR ${CMAKE_INSTALL_INCLUDEDIR}/wasi-nn-onnx)
set(WNN_INSTALL_LIB_DIR ${CMAKE_INSTALL_LIBDIR}/wasi-nn-onnx)
set(WNN_INSTALL_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/wasi-nn-onnx)

wnn_libraries_below(libraries wnn_wasm wnn_runtimes)
list(TRANSFORM libraries REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)
add_library(wnn_package STATIC ${objects})
set_target_properties(wnn_package PROPERTIES OUTPUT_NAME wasi-nn-onnx LINKER_LANGUAGE CXX)

install(TARGETS wasmtime-onnx RUNTIME)
install(TARGETS wnn_package ARCHIVE DESTINATION ${WNN_INSTALL_LIB_DIR})
install(FILES ${WNN_WASMTIME_DIR}/lib/libwnn_wasmtime.a DESTINATION ${WNN_INSTALL_LIB_DIR})
install(DIRECTORY ${WNN_WASMTIME_DIR}/include/ DESTINATION ${WNN_INSTALL_INCLUDE_DIR}/wasmtime-c-api)
foreach(folder IN ITEMS
    engine/base engine/tensor host/abi host/images host/nn host/runtimes host/wasm rust)
  install(DIRECTORY ${folder}/ DESTINATION ${WNN_INSTALL_INCLUDE_DIR}/${folder}
    FILES_MATCHING PATTERN "*.h"
    PATTERN "fake_*" EXCLUDE PATTERN run_text.h EXCLUDE PATTERN src EXCLUDE PATTERN target EXCLUDE)
endforeach()
install(DIRECTORY guest/include/
  DESTINATION ${CMAKE_INSTALL_DATADIR}/wasi-nn-onnx/guest/include
  FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")

configure_package_config_file(cmake/wasi-nn-onnx-config.cmake.in wasi-nn-onnx-config.cmake
  INSTALL_DESTINATION ${WNN_INSTALL_CMAKE_DIR}
  PATH_VARS WNN_INSTALL_INCLUDE_DIR WNN_INSTALL_LIB_DIR)
write_basic_package_version_file(wasi-nn-onnx-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
    ${CMAKE_CURRENT_BINARY_DIR}/wasi-nn-onnx-config.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/wasi-nn-onnx-config-version.cmake
  DESTINATION ${WNN_INSTALL_CMAKE_DIR})
