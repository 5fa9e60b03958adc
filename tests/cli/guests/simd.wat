;; Uses SIMD, relaxed SIMD and atomics.
(module
  (memory 1)
  (func (export "simd") (result i32)
    (i32x4.extract_lane 2 (i32x4.add (v128.const i32x4 1 2 3 4) (v128.const i32x4 1 1 1 1))))
  (func (export "relaxed") (result f32)
    (f32x4.extract_lane 0
      (f32x4.relaxed_madd (v128.const f32x4 2 0 0 0) (v128.const f32x4 3 0 0 0)
        (v128.const f32x4 1 0 0 0))))
  (func (export "atomic") (result i32) (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))
