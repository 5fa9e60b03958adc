/* Compiled to show that wasi_nn.h is C11 by itself; and what a call looks like from C. */
#include "wasi_nn.h"

wasi_nn_errno wasi_nn_c11_check(const uint8_t* model, uint32_t size_bytes, const float* values,
                                float* scores, uint32_t scores_size_bytes);

wasi_nn_errno wasi_nn_c11_check(const uint8_t* model, uint32_t size_bytes, const float* values,
                                float* scores, uint32_t scores_size_bytes) {
  const wasi_nn_graph_builder builder = {model, size_bytes};
  const uint32_t dimensions[] = {1, 4};
  const wasi_nn_tensor tensor = {dimensions, 2, WASI_NN_TENSOR_TYPE_F32, (const uint8_t*)values,
                                 16};
  wasi_nn_graph graph = 0;
  wasi_nn_graph_execution_context context = 0;
  wasi_nn_errno error =
      wasi_nn_load(&builder, 1, WASI_NN_GRAPH_ENCODING_ONNX, WASI_NN_EXECUTION_TARGET_CPU, &graph);
  if (error == WASI_NN_ERRNO_SUCCESS) error = wasi_nn_init_execution_context(graph, &context);
  if (error == WASI_NN_ERRNO_SUCCESS) error = wasi_nn_set_input(context, 0, &tensor);
  if (error == WASI_NN_ERRNO_SUCCESS) error = wasi_nn_compute(context);
  if (error == WASI_NN_ERRNO_SUCCESS) {
    error = wasi_nn_get_output(context, 0, (uint8_t*)scores, scores_size_bytes, &size_bytes);
  }
  return error;
}
