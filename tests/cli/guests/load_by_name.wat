;; Loads the model "no-such-model" and ends with WASI-NN's errno.
(module
  (import "wasi_ephemeral_nn" "load_by_name"
    (func $load_by_name (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "no-such-model")
  (func (export "_start")
    (call $proc_exit (call $load_by_name (i32.const 0) (i32.const 13) (i32.const 16)))))
