;; A reactor: its function works only after `_initialize`.
(module
  (global $ready (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $ready (i32.const 1)))
  (func (export "is_ready") (result i32) (global.get $ready)))
