#include "tangram/input/operator_list.hpp"

#include "operator_notes.hpp"
#include "refused.hpp"

#include <fmt/format.h>

#include <string_view>

namespace tangram {

namespace {

/// "A, B" of "A B".
std::string with_commas(std::string_view names) {
    std::string list;
    for (const char c : names) list += c == ' ' ? std::string(", ") : std::string(1, c);
    return list;
}

std::string cell(std::string_view text) {
    return text.empty() ? std::string(" |") : fmt::format(" {} |", text);
}

}  // namespace

std::string list_operators() {
    std::string text =
        "| ONNX operator | opsets | becomes | forms of its parameters | notes |\n| --- | --- | --- | --- | --- |\n";
    for (const onnx_file::OperatorNote& note : onnx_file::operator_notes()) {
        text += "|" + cell(with_commas(note.operators));
        for (const char* field : {note.opsets, note.becomes, note.forms, note.notes}) text += cell(field);
        text += "\n";
    }
    text += "\n| refused | why | what helps |\n| --- | --- | --- |\n";
    const auto refusals = onnx_file::refusals();
    for (std::size_t k = 0; k < refusals.size();) {
        std::string names;
        const std::string why = refusals[k].why, advice = refusals[k].advice;
        std::size_t end = k;  // those of one reason stand together
        for (; end < refusals.size() && refusals[end].why == why && refusals[end].advice == advice; ++end)
            names += (names.empty() ? "" : ", ") + std::string(refusals[end].op_type);
        text += "|" + cell(names) + cell(why) + cell(advice) + "\n";
        k = end;
    }
    return text;
}

}  // namespace tangram
