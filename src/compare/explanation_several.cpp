// Several components differ at once.

#include "explanation_search.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>

namespace tangram::explaining {

namespace {

/// A weight that is known less well than this says nothing.
constexpr double well_known = 0.01;
/// A fit of several weights says something only where there are so many times more different entries.
constexpr double entries_a_weight = 2;

/// What the verdict will say.
struct Said {
    std::vector<std::string> missing, doubled, scaled;
    std::optional<double> ridge, offset;
    [[nodiscard]] std::string sentence() const {
        std::vector<std::string> parts;
        if (!missing.empty()) parts.push_back("missing " + joined(missing));
        if (!doubled.empty()) parts.push_back("doubled " + joined(doubled));
        if (!scaled.empty()) parts.push_back("scaled " + joined(scaled));
        if (ridge) parts.push_back(ridge_in_words(*ridge));
        if (offset) parts.push_back(offset_in_words(*offset));
        return joined(parts, "; ");
    }
};

/// The subset of a group's components without which, or with which twice, its weight is what was found.
std::optional<Said> subset_of(const Search& search, const Group& group, Vector& weights) {
    std::vector<Index> members;
    for (const Index k : group.members) {
        if (search.is_component(k)) members.push_back(k);
    }
    constexpr std::size_t most_members = 12;
    if (members.size() < 2 || members.size() > most_members) return std::nullopt;
    double all = 0;
    for (const Index k : members) all += column_norm(search.problem.factor, k);
    for (const double sign : {-1.0, 1.0}) {
        for (std::size_t size = 1; size <= members.size(); ++size) {
            for (std::size_t chosen = 1; chosen < std::size_t{1} << members.size(); ++chosen) {
                if (static_cast<std::size_t>(__builtin_popcountll(chosen)) != size) continue;
                double part = 0;
                for (std::size_t m = 0; m < members.size(); ++m) {
                    if ((chosen >> m & 1U) != 0) part += column_norm(search.problem.factor, members[m]);
                }
                if (!is_near(group.weight, 1 + sign * part / all, group.uncertainty)) continue;
                Said said;
                for (std::size_t m = 0; m < members.size(); ++m) {
                    const bool in = (chosen >> m & 1U) != 0;
                    weights[at(members[m])] = in ? 1 + sign : 1;
                    if (in) (sign < 0 ? said.missing : said.doubled).push_back(search.name(members[m]));
                }
                return said;
            }
        }
    }
    return std::nullopt;
}

void judge_group(const Search& search, const Group& group, Vector& weights, Said& said) {
    if (has_no_component(search, group)) {
        if (std::abs(group.weight) <= deviations * group.uncertainty) return;
        weights[at(group.members.back())] = group.weight;
        (group.members.back() == search.constant() ? said.offset : said.ridge) = group.weight;
        return;
    }
    for (const Index k : group.members) weights[at(k)] = search.is_component(k) ? 1 : 0;
    if (group.uncertainty > well_known || is_near(group.weight, 1, group.uncertainty)) return;
    if (const auto subset = subset_of(search, group, weights)) {
        said.missing.insert(said.missing.end(), subset->missing.begin(), subset->missing.end());
        said.doubled.insert(said.doubled.end(), subset->doubled.begin(), subset->doubled.end());
        return;
    }
    const std::vector<std::string> names = member_names(search, group);
    double weight = group.weight;
    if (is_near(weight, 0, group.uncertainty)) {
        weight = 0;
        said.missing.insert(said.missing.end(), names.begin(), names.end());
    } else if (is_near(weight, 2, group.uncertainty)) {
        weight = 2;
        said.doubled.insert(said.doubled.end(), names.begin(), names.end());
    } else if (names.size() == 1) {
        said.scaled.push_back(scaled_in_words(search, group.members.front(), weight, group.uncertainty));
    } else {
        said.scaled.push_back(
            fmt::format("{} together by {} (they are the same but for a factor: no fit can tell them apart)",
                        joined(names, " and "), plain(weight)));
    }
    for (const Index k : group.members) {
        if (search.is_component(k)) weights[at(k)] = weight;
    }
}

/// The factor that all components have that are not missing, two at least; nothing if there is none but 1.
std::optional<Group> common_factor(const Search& search) {
    std::optional<Group> best;  // the one that is known best
    std::size_t count = 0;
    for (const Group& group : search.groups) {
        if (has_no_component(search, group) || group.uncertainty > well_known ||
            is_near(group.weight, 0, group.uncertainty))
            continue;
        ++count;
        if (!best || group.uncertainty < best->uncertainty) best = group;
    }
    if (count < 2 || is_near(best->weight, 1, best->uncertainty)) return std::nullopt;
    for (const Group& group : search.groups) {
        if (has_no_component(search, group) || group.uncertainty > well_known ||
            is_near(group.weight, 0, group.uncertainty))
            continue;
        if (!is_near(group.weight / best->weight, 1,
                     (group.uncertainty + best->uncertainty) / std::abs(best->weight)))
            return std::nullopt;
    }
    return best;
}

}  // namespace

bool explain_by_all(const Search& search, Explanation& explanation) {
    if (search.problem.different < entries_a_weight * static_cast<double>(search.groups.size())) return false;
    Vector weights = search.zero();
    Said said;
    const auto factor = common_factor(search);
    for (const Group& group : search.groups) {
        if (!factor || has_no_component(search, group)) {
            judge_group(search, group, weights, said);
            continue;
        }
        const bool is_missing = is_near(group.weight, 0, group.uncertainty);
        for (const Index k : group.members) {
            if (search.is_component(k)) weights[at(k)] = is_missing ? 0 : factor->weight;
        }
        const std::vector<std::string> names = member_names(search, group);
        if (is_missing) said.missing.insert(said.missing.end(), names.begin(), names.end());
    }
    std::string sentence = said.sentence();
    if (factor) {
        sentence += fmt::format("{}{}", sentence.empty() ? "" : "; and of what is there, ",
                                factor_in_words(factor->weight, factor->uncertainty, search.facts));
    }
    if (sentence.empty()) return false;
    if (!search.suffices(search.fitted({}, weights))) {
        // The weights as they were fitted, not rounded to the numbers that they are near.
        for (const Group& group : search.groups) {
            const Vector along = direction(search, group);
            for (Index k = 0; k < search.columns.fitted(); ++k) {
                if (along[at(k)] != 0) weights[at(k)] = group.weight;
            }
        }
    }
    accept(explanation, weights, sentence);
    return true;
}

}  // namespace tangram::explaining
