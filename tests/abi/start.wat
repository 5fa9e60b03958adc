;; Infers in its start section, before anybody has the instance: y = x on one float.
;; (MODEL) is the model's bytes, (SIZE) their number.
(module
  (import "wasi_ephemeral_nn" "load"
    (func $load (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "init_execution_context"
    (func $init_execution_context (param i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "set_input"
    (func $set_input (param i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "compute"
    (func $compute (param i32) (result i32)))
  (import "wasi_ephemeral_nn" "get_output"
    (func $get_output (param i32 i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 1)
  (data (i32.const 1024) "(MODEL)")
  (global $errors (export "errors") (mut i32) (i32.const 0))

  (func $check (param $errno i32)
    (global.set $errors (i32.or (global.get $errors) (local.get $errno))))

  (func $start
    ;; The builder at 16, the tensor at 32, its dimension at 64 and value at 68.
    (i32.store (i32.const 16) (i32.const 1024))
    (i32.store (i32.const 20) (i32.const (SIZE)))
    (i32.store (i32.const 32) (i32.const 64))
    (i32.store (i32.const 36) (i32.const 1))
    (i32.store (i32.const 40) (i32.const 1))
    (i32.store (i32.const 44) (i32.const 68))
    (i32.store (i32.const 48) (i32.const 4))
    (i32.store (i32.const 64) (i32.const 1))
    (f32.store (i32.const 68) (f32.const 2.5))
    (call $check
      (call $load (i32.const 16) (i32.const 1) (i32.const 1) (i32.const 0) (i32.const 0)))
    (call $check (call $init_execution_context (i32.load (i32.const 0)) (i32.const 4)))
    (call $check (call $set_input (i32.load (i32.const 4)) (i32.const 0) (i32.const 32)))
    (call $check (call $compute (i32.load (i32.const 4))))
    (call $check
      (call $get_output
        (i32.load (i32.const 4)) (i32.const 0) (i32.const 96) (i32.const 4) (i32.const 8))))
  (start $start)

  (func (export "output") (result f32) (f32.load (i32.const 96))))
