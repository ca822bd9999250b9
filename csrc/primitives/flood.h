// The order in which the original meets the places of a component (language.md 6.9).
//
// A component is easily found in other ways (primitives/labeling.h), but its set has the order in
// which a flood fill reached its cells. That goes round by round: the candidates of one round are
// iterated in the order of a set, which came about by MERGE of the neighbors of each, and by SUB of
// what has been seen. So both sets are simulated, as tables of numbers that stand for places
// (primitives/place_table.h).
//
// What MERGE adds is mostly known beforehand: the neighbors of a place near the origin, in order
// and in slots, are tabulated (SurroundingsTable). And a set of bits says whether a place is in the
// next set already, so that no table is searched.
#pragma once

#include "primitives/place_table.h"

namespace codeit {

// Units of fuel that a neighbor takes, beside the touch of a cell: in a table, and where it is
// worked out.
constexpr uint64_t kUnitsOfPlace = 6;
constexpr uint64_t kUnitsAtEdge = 60;
// The component around a place, place by place in the order in which the original meets them.
// `belongs(place, &result)` tells its places among the candidates, and is_taken(place) those of
// components found before and of this one, of which there are `num_taken`; take(place) adds one.
template <typename Belongs, typename IsTaken, typename Take>
Outcome flood(Machine &m, Place start, bool diagonal, const PlaceNumbers &numbers, size_t num_taken,
              Belongs belongs, IsTaken is_taken, Take take) {
    ScratchScope scratch(m);
    PlaceTable candidates(m, numbers);
    PlaceTable next(m, numbers);
    uint64_t *are_next; // bit k: the place of that number is in `next`
    size_t num_words = numbers.count() / 64 + 1;
    TRY(m.charge(num_words));
    TRY(m.allocate_scratch(num_words, &are_next));
    std::fill_n(are_next, num_words, 0);
    auto add_next = [&](uint32_t number) {
        uint64_t bit = uint64_t{1} << (number % 64);
        if ((are_next[number / 64] & bit) != 0) return Outcome::ok;
        are_next[number / 64] |= bit;
        return next.add(number);
    };
    // MERGE of a table of so many slots, where places stand in some, into an empty one of as many:
    // it is copied slot by slot (language.md 4.6).
    auto put_next = [&](uint32_t at, uint32_t number) {
        are_next[number / 64] |= uint64_t{1} << (number % 64);
        next.put_at(at, number);
    };
    auto visit_neighbors = [&](Place place, uint32_t number) {
        if (numbers.contain_all_around(place) && SurroundingsTable::has(place)) {
            const Surroundings &around = SurroundingsTable::of(place, diagonal);
            TRY(m.charge(around.size * kUnitsOfPlace));
            TRY(next.make_room(around.size));
            bool takes_slots = next.takes_slots(around.mask);
            for (uint32_t k = 0; k < around.size; ++k) {
                const auto &[rows, columns] = around.steps[k];
                uint32_t neighbor = number + numbers.step(rows, columns);
                if (takes_slots) {
                    put_next(around.slots[k], neighbor);
                } else {
                    TRY(add_next(neighbor));
                }
            }
            return Outcome::ok;
        }
        // At an edge some neighbors are missing: GEN of the others has a table of its own, which is
        // merged.
        SmallPlaceTable around;
        auto add_inside = [&](Place neighbor) {
            if (numbers.contain(neighbor)) around.add(neighbor);
        };
        if (SurroundingsTable::has(place)) {
            const Surroundings &all = SurroundingsTable::of(place, diagonal);
            for (uint32_t k = 0; k < all.size; ++k) {
                const auto &[rows, columns] = all.neighbors[k];
                add_inside({place.i + rows, place.j + columns});
            }
        } else {
            for (Place neighbor : NeighborOrder(place, diagonal)) add_inside(neighbor);
        }
        TRY(m.charge(around.size() * kUnitsAtEdge));
        if (around.size() == 0) return Outcome::ok;
        TRY(next.make_room(around.size()));
        Outcome outcome = Outcome::ok;
        bool takes_slots = next.takes_slots(around.mask());
        around.for_each([&](Place neighbor, uint32_t at) {
            if (takes_slots) {
                put_next(at, numbers.of(neighbor));
            } else if (outcome == Outcome::ok) {
                outcome = add_next(numbers.of(neighbor));
            }
        });
        return outcome;
    };
    TRY(candidates.clear());
    TRY(candidates.add(numbers.of(start)));
    while (candidates.size() > 0) {
        TRY(next.clear());
        TRY(candidates.for_each([&](uint32_t number) {
            Place place = numbers.place_of(number);
            TRY(m.charge(kUnitsOfPlace));
            bool is_part;
            TRY(belongs(place, &is_part));
            if (!is_part) return Outcome::ok;
            TRY(take(place));
            ++num_taken;
            return visit_neighbors(place, number);
        }));
        TRY(candidates.assign_difference(next, num_taken, [&](uint32_t number) {
            are_next[number / 64] &= ~(uint64_t{1} << (number % 64));
            return is_taken(numbers.place_of(number));
        }));
    }
    return Outcome::ok;
}

} // namespace codeit
