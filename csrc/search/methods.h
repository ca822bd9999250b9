// The methods of the search, each in a file of its own, in the order in which they run.
#pragma once

#include "search/search.h"

namespace codeit::search {

// The programs of the corpus as they are.
void run_corpus(Search &s);
// The programs of the corpus with other colors in place of their ints: each place by itself where
// there are few, each value otherwise.
void recolor(Search &s);
// One-change mutants of the corpus, of programs that make grids of the outputs' size first, of
// these the shortest.
void run_mutants(Search &s);
// A program of the corpus on the output of another one, or on any grid.
void compose_programs(Search &s);
// At most four pieces painted onto a grid, such that all that is wrong is covered.
void cover(Search &s);
// Pieces painted one over the other, where what a later one paints over need not be right.
void paint_layers(Search &s);
// A grid with each of its colors replaced.
void map_colors(Search &s);
// Places at which two grids of the outputs' size have two colors.
void join_masks(Search &s);
// Objects chosen by a feature and its value, and patches made of them.
void select_objects(Search &s);
// Mutants of what is nearly right, again and again.
void improve(Search &s);

} // namespace codeit::search
