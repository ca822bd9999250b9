// Rows and bodies come together: a row of lang/table.def without a body, or without the step that
// it says it has, does not link. Rooms that only read and write programs (csrc/code, csrc/text) do
// without it.
#include "primitives/bodies.h"

#include "primitives/foreign.h"
#include "primitives/steps.h"

#undef PRIMITIVE

namespace codeit {
namespace {

struct Bodies {
    Body body;
    Step step;
};

// In the order of the rows.
constexpr Bodies kBodies[] = {
#define STEP_IF_alone(name) nullptr
#define STEP_IF_packed(name) nullptr
#define STEP_IF_each(name) step_##name
#define STEP_IF_lazy(name) step_##name
#define PRIMITIVE(group, name, result, parameters, many, summary)                                  \
    {primitive_##name, STEP_IF_##many(name)},
#include "lang/table.def"
};

} // namespace

const Language &standard_language() {
    // Never destroyed: threads may outlive the static objects.
    static const Language &language = []() -> const Language & {
        std::vector<NameRow> rows = standard_rows();
        const Bodies *next = kBodies;
        for (NameRow &row : rows) {
            if (!row.is_primitive) continue;
            row.body = next->body;
            row.step = next++->step;
        }
        return *new Language("standard", rows);
    }();
    return language;
}

std::unique_ptr<Language> with_bodies(const Language &names) {
    const Language &standard = standard_language();
    std::vector<NameRow> rows = names.rows();
    size_t num_foreign = 0;
    for (NameRow &row : rows) {
        if (!row.is_primitive) continue;
        if (row.foreign != nullptr) {
            row.body = foreign_body(num_foreign++);
            continue;
        }
        const NameRow &known = standard.row(standard.find(row.like ? row.like : row.name()).number);
        row.body = known.body;
        if (row.like == nullptr) row.step = known.step;
    }
    return std::make_unique<Language>(names.title(), rows);
}

} // namespace codeit
