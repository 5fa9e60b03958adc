;; load-by-name("name"): 0 when it loads, 1 when it does not, through wasi:nn's newest version.
(component
  (import "wasi:nn/errors@0.2.0-rc-2024-10-28" (instance $errors
    (export "error" (type (sub resource)))))
  (alias export $errors "error" (type $error-type))
  (import "wasi:nn/graph@0.2.0-rc-2024-10-28" (instance $graph
    (alias outer 1 $error-type (type $outer-error))
    (export "error" (type $error (eq $outer-error)))
    (export "graph" (type $graph (sub resource)))
    (export "load-by-name" (func (param "name" string)
      (result (result (own $graph) (error (own $error))))))))
  (core module $memory (memory (export "memory") 1) (data (i32.const 16) "name"))
  (core instance $memory (instantiate $memory))
  (core func $load (canon lower (func $graph "load-by-name")
    (memory (core memory $memory "memory"))))
  (core module $m
    (import "nn" "load" (func $load (param i32 i32 i32)))
    (import "nn" "memory" (memory 1))
    (func (export "load") (result i32)
      (call $load (i32.const 16) (i32.const 4) (i32.const 0))
      (i32.load8_u (i32.const 0))))
  (core instance $i (instantiate $m (with "nn" (instance
    (export "load" (func $load)) (export "memory" (memory $memory "memory"))))))
  (func (export "load") (result u32) (canon lift (core func $i "load"))))
