;; Loads y = x + x for the GPU and ends with WASI-NN's errno.
(module
  (import "wasi_ephemeral_nn" "load" (func $load (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\08\08:5\0a\0e\0a\01x\0a\01x\12\01y\22\03Add\12\01gZ\0f\0a\01x\12\0a\0a\08\08\01\12\04\0a\02\08\02b\0f\0a\01y\12\0a\0a\08\08\01\12\04\0a\02\08\02B\02\10\0d")
  (data (i32.const 256) "\00\00\00\00\3d\00\00\00")
  (func (export "_start")
    (call $proc_exit (call $load
      (i32.const 256) (i32.const 1) (i32.const 1) (i32.const 1) (i32.const 264)))))
