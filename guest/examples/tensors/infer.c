/* One inference in C: infer MODEL, with the model of typed.cc. A core module or a component. */
#include <stdio.h>
#include <stdlib.h>

#include "wasi_nn.h"

static void Check(const char* what, wasi_nn_errno error) {
  if (error == WASI_NN_ERRNO_SUCCESS) return;
  fprintf(stderr, "%s: error %u\n", what, (unsigned)error);
  exit(1);
}

static uint8_t* ReadFile(const char* path, uint32_t* size) {
  FILE* file = fopen(path, "rb");
  if (file == NULL) return NULL;
  uint8_t* bytes = NULL;
  *size = 0;
  size_t n_read = 0;
  do {
    enum { kChunk = 1 << 16 };
    bytes = realloc(bytes, *size + kChunk);
    if (bytes == NULL) exit(1);
    n_read = fread(bytes + *size, 1, kChunk, file);
    *size += (uint32_t)n_read;
  } while (n_read > 0);
  fclose(file);
  return bytes;
}

int main(int argc, char** argv) {
  wasi_nn_graph_builder builder = {NULL, 0};
  if (argc == 2) builder.data = ReadFile(argv[1], &builder.size_bytes);
  if (builder.data == NULL) {
    fprintf(stderr, "usage: infer MODEL\n");
    return 1;
  }
  wasi_nn_graph graph = 0;
  wasi_nn_graph_execution_context context = 0;
  Check("load", wasi_nn_load(&builder, 1, WASI_NN_GRAPH_ENCODING_ONNX, WASI_NN_EXECUTION_TARGET_CPU,
                             &graph));
  Check("init", wasi_nn_init_execution_context(graph, &context));

  const uint32_t dims[] = {1, 2};
  const float x[] = {3, 4};
  const float state[] = {1, 2};
  wasi_nn_tensor tensor = {dims, 2, WASI_NN_TENSOR_TYPE_F32, (const uint8_t*)x, sizeof(x)};
  Check("set_input 0", wasi_nn_set_input(context, 0, &tensor));
  tensor.data = (const uint8_t*)state;
  Check("set_input 1", wasi_nn_set_input(context, 1, &tensor));
  Check("compute", wasi_nn_compute(context));

  float y[2] = {0, 0};
  uint32_t size = 0;
  Check("get_output", wasi_nn_get_output(context, 0, (uint8_t*)y, sizeof(y), &size));
  printf("%g %g\n", (double)y[0], (double)y[1]);

  float too_small = 0;
  const wasi_nn_errno error =
      wasi_nn_get_output(context, 0, (uint8_t*)&too_small, sizeof(too_small), &size);
  printf("error %u, needed %u\n", (unsigned)error, (unsigned)size);
  return 0;
}
