;; Imports an interface that no host has.
(component (import "test:absent/thing@1.2.3" (instance (export "f" (func)))))
