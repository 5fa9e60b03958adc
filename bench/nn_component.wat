;; nn_module.wat as a component: the smallest guest of wasi:nn (2024-10-28). Loads one model and runs one
;; inference a call. Model, input and output lie in its memory, where the benchmark puts and reads
;; them through `write` and `read`, in words of eight bytes.
;;
;; The memory's first page:
;;    0  graph builder {pointer, length}: the model
;;    8  result of a call {tag, handle or list}
;;   24  graph
;;   28  execution context
;;   32  the input's dimensions {pointer, their number}
;;   40  the input's data {pointer, length}
;;   48  the output's data {pointer, length}
;;   56  message of the last error {pointer, length}
;;   64  what `read` returns {pointer, length}
;;   72  inputs {{name {pointer, length}, tensor}}
;;   84  "0", the input's name
(component
  (import "wasi:nn/errors@0.2.0-rc-2024-10-28" (instance $errors
    (export "error" (type $error (sub resource)))
    (export "[method]error.data" (func (param "self" (borrow $error)) (result string)))))
  (alias export $errors "error" (type $the-error))
  (import "wasi:nn/tensor@0.2.0-rc-2024-10-28" (instance $tensor
    (type $types (enum "FP16" "FP32" "FP64" "BF16" "U8" "I32" "I64"))
    (export "tensor-type" (type $tensor-type (eq $types)))
    (export "tensor" (type $tensor (sub resource)))
    (export "[constructor]tensor"
      (func (param "dimensions" (list u32)) (param "ty" $tensor-type) (param "data" (list u8))
        (result (own $tensor))))
    (export "[method]tensor.data" (func (param "self" (borrow $tensor)) (result (list u8))))))
  (alias export $tensor "tensor" (type $the-tensor))
  (import "wasi:nn/inference@0.2.0-rc-2024-10-28" (instance $inference
    (alias outer 1 $the-error (type $outer-error))
    (export "error" (type $error (eq $outer-error)))
    (alias outer 1 $the-tensor (type $outer-tensor))
    (export "tensor" (type $tensor (eq $outer-tensor)))
    (export "graph-execution-context" (type $context (sub resource)))
    (export "[method]graph-execution-context.compute"
      (func (param "self" (borrow $context)) (param "inputs" (list (tuple string (own $tensor))))
        (result (result (list (tuple string (own $tensor))) (error (own $error))))))))
  (alias export $inference "graph-execution-context" (type $the-context))
  (import "wasi:nn/graph@0.2.0-rc-2024-10-28" (instance $graph
    (alias outer 1 $the-error (type $outer-error))
    (export "error" (type $error (eq $outer-error)))
    (alias outer 1 $the-context (type $outer-context))
    (export "graph-execution-context" (type $context (eq $outer-context)))
    (export "graph" (type $graph (sub resource)))
    (type $encodings
      (enum "openvino" "onnx" "tensorflow" "pytorch" "tensorflowlite" "ggml" "autodetect"))
    (export "graph-encoding" (type $encoding (eq $encodings)))
    (type $targets (enum "cpu" "gpu" "tpu"))
    (export "execution-target" (type $target (eq $targets)))
    (export "load"
      (func (param "builder" (list (list u8))) (param "encoding" $encoding)
        (param "target" $target) (result (result (own $graph) (error (own $error))))))
    (export "[method]graph.init-execution-context"
      (func (param "self" (borrow $graph)) (result (result (own $context) (error (own $error))))))))

  ;; The memory: what `reserve` gives stays, what `realloc` gives is free again after the call.
  (core module $Memory
    (memory (export "memory") 1)
    (data (i32.const 84) "0")
    (global $kept (export "kept") (mut i32) (i32.const 1024))
    (global $next (export "next") (mut i32) (i32.const 1024))
    (func $realloc (export "realloc")
      (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32) (local $pages i32)
      ;; For `read`, whose words are aligned.
      (if (i32.lt_u (local.get $align) (i32.const 8)) (then (local.set $align (i32.const 8))))
      (local.set $at
        (i32.and (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
                 (i32.sub (i32.const 0) (local.get $align))))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (local.set $pages
        (i32.sub (i32.add (i32.shr_u (global.get $next) (i32.const 16)) (i32.const 1))
                 (memory.size)))
      (if (i32.gt_s (local.get $pages) (i32.const 0))
        (then (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then unreachable))))
      (memory.copy (local.get $at) (local.get $old) (local.get $old-size))
      (local.get $at)))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (alias core export $memory "realloc" (core func $realloc))

  (core func $error.data (canon lower (func $errors "[method]error.data")
    (memory $mem) (realloc $realloc)))
  (core func $error.drop (canon resource.drop $the-error))
  (core func $tensor.new (canon lower (func $tensor "[constructor]tensor") (memory $mem)))
  (core func $tensor.data (canon lower (func $tensor "[method]tensor.data")
    (memory $mem) (realloc $realloc)))
  (core func $tensor.drop (canon resource.drop $the-tensor))
  (core func $compute (canon lower (func $inference "[method]graph-execution-context.compute")
    (memory $mem) (realloc $realloc)))
  (core func $load (canon lower (func $graph "load") (memory $mem)))
  (core func $init (canon lower (func $graph "[method]graph.init-execution-context")
    (memory $mem)))

  (core module $Guest
    (import "memory" "memory" (memory 1))
    (import "memory" "kept" (global $kept (mut i32)))
    (import "memory" "next" (global $next (mut i32)))
    (import "memory" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
    (import "nn" "error.data" (func $error.data (param i32 i32)))
    (import "nn" "error.drop" (func $error.drop (param i32)))
    (import "nn" "tensor.new" (func $tensor.new (param i32 i32 i32 i32 i32) (result i32)))
    (import "nn" "tensor.data" (func $tensor.data (param i32 i32)))
    (import "nn" "tensor.drop" (func $tensor.drop (param i32)))
    (import "nn" "compute" (func $compute (param i32 i32 i32 i32)))
    (import "nn" "load" (func $load (param i32 i32 i32 i32 i32)))
    (import "nn" "init" (func $init (param i32 i32)))

    ;; Whether the call that wrote its result to 8 failed; then its message is at 56.
    (func $failed (result i32)
      (if (i32.eqz (i32.load8_u (i32.const 8))) (then (return (i32.const 0))))
      (call $error.data (i32.load (i32.const 12)) (i32.const 56))
      (call $error.drop (i32.load (i32.const 12)))
      (i32.const 1))

    (func (export "reserve") (param $size i32) (result i32) (local $at i32)
      (local.set $at (call $realloc (i32.const 0) (i32.const 0) (i32.const 64) (local.get $size)))
      (global.set $kept (global.get $next))
      (local.get $at))

    (func (export "write") (param $at i32) (param $words i32) (param $n-words i32)
      (memory.copy (local.get $at) (local.get $words)
        (i32.shl (local.get $n-words) (i32.const 3)))
      (global.set $next (global.get $kept)))

    (func (export "read") (param $at i32) (param $n-words i32) (result i32)
      (i32.store (i32.const 64) (local.get $at))
      (i32.store (i32.const 68) (local.get $n-words))
      (i32.const 64))

    ;; Both return whether they failed.
    (func (export "load") (param $target i32) (result i32)
      (call $load (i32.const 0) (i32.const 1) (i32.const 1) (; onnx ;) (local.get $target)
        (i32.const 8))
      (if (call $failed) (then (return (i32.const 1))))
      (i32.store (i32.const 24) (i32.load (i32.const 12)))
      (call $init (i32.load (i32.const 24)) (i32.const 8))
      (if (call $failed) (then (return (i32.const 1))))
      (i32.store (i32.const 28) (i32.load (i32.const 12)))
      (i32.const 0))

    (func (export "infer") (result i32) (local $outputs i32) (local $end i32)
      (global.set $next (global.get $kept))
      (i32.store (i32.const 72) (i32.const 84))
      (i32.store (i32.const 76) (i32.const 1))
      (i32.store (i32.const 80)
        (call $tensor.new (i32.load (i32.const 32)) (i32.load (i32.const 36))
          (i32.const 1) (; FP32 ;) (i32.load (i32.const 40)) (i32.load (i32.const 44))))
      (call $compute (i32.load (i32.const 28)) (i32.const 72) (i32.const 1) (i32.const 8))
      (if (call $failed) (then (return (i32.const 1))))
      (local.set $outputs (i32.load (i32.const 12)))
      (local.set $end
        (i32.add (local.get $outputs) (i32.mul (i32.load (i32.const 16)) (i32.const 12))))
      (call $tensor.data (i32.load offset=8 (local.get $outputs)) (i32.const 48))
      (loop $drop
        (call $tensor.drop (i32.load offset=8 (local.get $outputs)))
        (local.set $outputs (i32.add (local.get $outputs) (i32.const 12)))
        (br_if $drop (i32.lt_u (local.get $outputs) (local.get $end))))
      (i32.const 0)))
  (core instance $guest (instantiate $Guest
    (with "memory" (instance $memory))
    (with "nn" (instance
      (export "error.data" (func $error.data))
      (export "error.drop" (func $error.drop))
      (export "tensor.new" (func $tensor.new))
      (export "tensor.data" (func $tensor.data))
      (export "tensor.drop" (func $tensor.drop))
      (export "compute" (func $compute))
      (export "load" (func $load))
      (export "init" (func $init))))))

  (func (export "reserve") (param "size" u32) (result u32)
    (canon lift (core func $guest "reserve")))
  (func (export "write") (param "at" u32) (param "words" (list u64))
    (canon lift (core func $guest "write") (memory $mem) (realloc $realloc)))
  (func (export "read") (param "at" u32) (param "n-words" u32) (result (list u64))
    (canon lift (core func $guest "read") (memory $mem)))
  (func (export "load") (param "target" u32) (result u32)
    (canon lift (core func $guest "load")))
  (func (export "infer") (result u32) (canon lift (core func $guest "infer"))))
