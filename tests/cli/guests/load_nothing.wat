;; Loads a model of no bytes and makes a context on it; exits with ten times the first errno, plus
;; the second.
(module
  (import "wasi_ephemeral_nn" "load" (func $load (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "init_execution_context"
    (func $init_execution_context (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (local $errno i32)
    ;; The builder at 0 has no bytes; encoding 1 is ONNX, target 0 the CPU.
    (local.set $errno
      (call $load (i32.const 0) (i32.const 1) (i32.const 1) (i32.const 0) (i32.const 8)))
    (if (i32.ne (local.get $errno) (i32.const 0))
      (then (call $proc_exit (i32.mul (local.get $errno) (i32.const 10)))))
    (call $proc_exit
      (call $init_execution_context (i32.load (i32.const 8)) (i32.const 12)))))
