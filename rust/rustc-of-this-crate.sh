#!/bin/sh
# RUSTC_WORKSPACE_WRAPPER of builds with the feature `tract`: lets this crate, and no dependency, use
# alloc_error_hook (src/tract/memory.rs), which the pinned compiler has and does not call stable.
RUSTC_BOOTSTRAP=1 exec "$@"
