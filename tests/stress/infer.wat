;; The smallest guest of WASI-NN: loads one model and runs one inference a call. Model, input and
;; output lie in its memory, where the test puts them.
;;
;; The memory's first page:
;;    0  graph builder {pointer, length}: the model
;;    8  graph
;;   12  execution context
;;   16  tensor {dimensions, their number, type (u8), data, length}: the input
;;   36  bytes of the output
;;   40  output buffer {pointer, length}
;;   64  the input's dimensions
(module
  (import "wasi_ephemeral_nn" "load"
    (func $load (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "init_execution_context"
    (func $init_execution_context (param i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "set_input" (func $set_input (param i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
  (import "wasi_ephemeral_nn" "get_output"
    (func $get_output (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)

  ;; Both return WASI-NN's errno.
  (func (export "load") (result i32)
    (local $errno i32)
    (local.set $errno
      (call $load (i32.const 0) (i32.const 1)
        (i32.const 1) (; onnx ;) (i32.const 0) (; cpu ;) (i32.const 8)))
    (if (local.get $errno) (then (return (local.get $errno))))
    (call $init_execution_context (i32.load (i32.const 8)) (i32.const 12)))

  (func (export "infer") (result i32)
    (local $errno i32) (local $context i32)
    (local.set $context (i32.load (i32.const 12)))
    (local.set $errno (call $set_input (local.get $context) (i32.const 0) (i32.const 16)))
    (if (local.get $errno) (then (return (local.get $errno))))
    (local.set $errno (call $compute (local.get $context)))
    (if (local.get $errno) (then (return (local.get $errno))))
    (call $get_output (local.get $context) (i32.const 0)
      (i32.load (i32.const 40)) (i32.load (i32.const 44)) (i32.const 36))))
