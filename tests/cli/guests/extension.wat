;; Asks for the properties of a graph that it does not have; exits with the errno.
(module
  (import "wasi_nn_onnx" "property_count" (func $property_count (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (call $exit (call $property_count (i32.const 9) (i32.const 0)))))
