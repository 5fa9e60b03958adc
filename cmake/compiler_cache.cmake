# Compiles through ccache where it is installed, so that a fresh clone builds in minutes: what it keeps
# lies in the project's cache outside the tree. -DWNN_COMPILER_CACHE=OFF, or a launcher of your own,
# turns it off.
option(WNN_COMPILER_CACHE "Keep compiled objects in the project's cache, by ccache" ON)

find_program(WNN_CCACHE ccache)
if(WNN_COMPILER_CACHE AND WNN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  if("$ENV{XDG_CACHE_HOME}" STREQUAL "")
    set(wnn_cache_home "$ENV{HOME}/.cache")
  else()
    set(wnn_cache_home "$ENV{XDG_CACHE_HOME}")
  endif()
  # CCACHE_BASEDIR: the same file compiled in another clone is a hit.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env
      CCACHE_DIR=${wnn_cache_home}/wasi-nn-onnx/ccache
      CCACHE_MAXSIZE=2G
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}
      CCACHE_NOHASHDIR=1
      ${WNN_CCACHE})
endif()
