"""Bringing records into the cache before compiled code needs them."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

BYTES, WORD = ir.IntType(8).as_pointer(), ir.IntType(32)
TO_WRITE, TO_KEEP, DATA = (ir.Constant(WORD, value) for value in (1, 3, 1))


def _fetch(_typing: Any, records: Any, row: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        array = context.make_array(records)(context, builder, arguments[0])
        place = builder.bitcast(builder.gep(array.data, [arguments[1]]), BYTES)
        kind = ir.FunctionType(ir.VoidType(), [BYTES, WORD, WORD, WORD])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [BYTES], kind)
        builder.call(prefetch, [place, TO_WRITE, TO_KEEP, DATA])
        return context.get_dummy_value()

    return types.void(records, row), generate


# fetch(records, row): asks for the record of an array (n,), soon to be changed, and does not wait for it.
fetch: Any = intrinsic(_fetch)
