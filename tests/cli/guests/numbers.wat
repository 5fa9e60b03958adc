;; Functions to invoke; neither `_start` nor a memory.
(module
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "negate") (param i64) (result i64) (i64.sub (i64.const 0) (local.get 0)))
  (func (export "half") (param f32) (result f32) (f32.mul (local.get 0) (f32.const 0.5)))
  (func (export "pair") (result i32 f64) (i32.const 1) (f64.const 2.5))
  (func (export "vector") (result v128) (v128.const i64x2 1 0))
  (func (export "null") (result externref) (ref.null extern))
  (func (export "nothing")))
