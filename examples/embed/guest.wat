;; A guest that infers: y = x + x for a tensor of two floats. `infer` takes x[0], which is also x[1], and
;; gives y[0]; a failed call of WASI-NN ends it with a trap.
(module
  (import "wasi_ephemeral_nn" "load" (func $load (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "init_execution_context"
    (func $init_execution_context (param i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "set_input" (func $set_input (param i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
  (import "wasi_ephemeral_nn" "get_output"
    (func $get_output (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)

  ;; 0: the model, in ONNX's protobuf
  (data (i32.const 0) "\08\08:5\0a\0e\0a\01x\0a\01x\12\01y\22\03Add\12\01gZ\0f\0a\01x\12\0a\0a\08\08\01\12\04\0a\02\08\02b\0f\0a\01y\12\0a\0a\08\08\01\12\04\0a\02\08\02B\02\10\0d")
  ;; 256: the one builder: where the model is, and its size
  (data (i32.const 256) "\00\00\00\00\3d\00\00\00")
  ;; 272: a tensor: its one dimension (at 296: 2), type 1 (f32), its 8 bytes (at 304)
  (data (i32.const 272) "\28\01\00\00\01\00\00\00\01\00\00\00\30\01\00\00\08\00\00\00")
  (data (i32.const 296) "\02\00\00\00")
  ;; 312: y; 320: results: graph, context, bytes written

  (func $check (param $errno i32)
    (if (local.get $errno) (then unreachable)))

  (func (export "infer") (param $x f32) (result f32)
    (f32.store (i32.const 304) (local.get $x))
    (f32.store (i32.const 308) (local.get $x))
    ;; one builder, encoding 1 (onnx), target 0 (cpu)
    (call $check (call $load
      (i32.const 256) (i32.const 1) (i32.const 1) (i32.const 0) (i32.const 320)))
    (call $check (call $init_execution_context (i32.load (i32.const 320)) (i32.const 324)))
    (call $check (call $set_input
      (i32.load (i32.const 324)) (i32.const 0) (i32.const 272)))
    (call $check (call $compute (i32.load (i32.const 324))))
    (call $check (call $get_output
      (i32.load (i32.const 324)) (i32.const 0) (i32.const 312) (i32.const 8) (i32.const 328)))
    (f32.load (i32.const 312))))
