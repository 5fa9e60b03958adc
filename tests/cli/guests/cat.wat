;; Copies the file named by its argument, in the first directory that it has been given, to standard
;; output; ends with the errno as its status if that cannot be opened.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func $length (param $text i32) (result i32)
    (local $n i32)
    (loop $next
      (if (i32.load8_u (i32.add (local.get $text) (local.get $n)))
        (then
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (br $next))))
    (local.get $n))
  (func (export "_start")
    (local $path i32) (local $errno i32)
    (drop (call $args_sizes (i32.const 0) (i32.const 4)))
    (drop (call $args (i32.const 1024) (i32.const 2048)))
    (local.set $path (i32.load (i32.const 1028)))
    (local.set $errno
      (call $path_open (i32.const 3) (i32.const 0) (local.get $path)
        (call $length (local.get $path)) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0)
        (i32.const 8)))
    (if (local.get $errno) (then (call $proc_exit (local.get $errno))))
    (i32.store (i32.const 16) (i32.const 8192))
    (i32.store (i32.const 20) (i32.const 4096))
    (drop (call $fd_read (i32.load (i32.const 8)) (i32.const 16) (i32.const 1) (i32.const 20)))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))
