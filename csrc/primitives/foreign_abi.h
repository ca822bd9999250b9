/* What a primitive of one's own is to the machine: a C function over plain arrays. Plain C, to be
   included from anywhere; csrc/primitives/foreign.h has the other side. Version 1.

   The function is handed its arguments as arrays and a buffer for its result, of which it says how
   much it has used. It is called from any thread, from several at a time, and neither keeps a
   pointer nor lets go of one. It must return the same for the same arguments. What it writes is
   checked before it becomes a value; what it writes outside of its buffers is not, beyond a few
   bytes around them. */
#ifndef CODEIT_FOREIGN_ABI_H
#define CODEIT_FOREIGN_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CODEIT_MAX_ARGUMENTS 4

/* By the type that the signature declares:

     Boolean          numbers[0], 0 or 1
     Integer          numbers[0]
     IntegerTuple     numbers[0] and numbers[1]
     Grid             int8_t data[height][width], the cells
     Indices, Patch   int32_t data[height][2], (i, j) of each place
     Object           int32_t data[height][3], (color, i, j) of each cell

   The rows of a set are sorted by i, then j, then color. An Object that is given for a Patch is its
   places. Arguments are not to be written to.

   Of the result, height and width say before the call how large it may be, and data is zero. The
   function sets numbers, or height and width (of a set: height alone), to those of what it has
   written. Rows of a grid stay as far apart as the widest allowed one is wide. Colors are 0 to 9.
 */
typedef struct codeit_value {
    int64_t numbers[2];
    int64_t height;
    int64_t width;
    void *data;
} codeit_value;

/* steps: how many it may take; one that counts its loops subtracts them, and ends with
   CODEIT_OUT_OF_FUEL below 0. What is missing after the call is paid for as fuel.
   scratch: room of scratch_size numbers, all zero, for the call. */
typedef struct codeit_call {
    codeit_value arguments[CODEIT_MAX_ARGUMENTS];
    codeit_value result;
    int64_t steps;
    int64_t scratch_size;
    int32_t *scratch;
} codeit_call;

/* How the call ended; any other number means CODEIT_PRIMITIVE_ERROR. */
enum {
    CODEIT_OK = 0,
    CODEIT_TYPE_ERROR = 1,
    CODEIT_VALUE_ERROR = 2,
    CODEIT_INDEX_ERROR = 3,
    CODEIT_ZERO_DIVISION = 8,
    CODEIT_OVERFLOW = 9,
    CODEIT_OUT_OF_FUEL = 12,
    CODEIT_PRIMITIVE_ERROR = 16
};

/* context: what was registered with the function. */
typedef int32_t (*codeit_primitive)(codeit_call *call, void *context);

#ifdef __cplusplus
}
#endif

#endif
