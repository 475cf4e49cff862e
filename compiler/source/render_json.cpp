// For programs: one object on one line.
#include "source/render.h"

#include <nlohmann/json.hpp>

namespace graphc {

std::string renderJson(const Diagnostics &diagnostics) {
  using Json = nlohmann::ordered_json;
  const SourceManager &sources = diagnostics.sources();
  Json list = Json::array();
  for (const Diagnostic &d : diagnostics.all()) {
    ShownPlace place = placeOf(sources, d.span);
    Json entry = {{"code", d.code},
                  {"severity", severityName(d.severity)},
                  {"message", d.message},
                  {"file", place.file},
                  {"line", place.begin.line},
                  {"column", place.begin.column},
                  {"end_line", place.end.line},
                  {"end_column", place.end.column},
                  {"notes", Json::array()},
                  {"help", d.help}};
    for (const Note &note : d.notes) {
      ShownPlace at = placeOf(sources, note.span);
      entry["notes"].push_back({{"message", note.message},
                                {"file", at.file},
                                {"line", at.begin.line},
                                {"column", at.begin.column}});
    }
    for (const Fix &fix : d.fixes) {
      ShownPlace at = placeOf(sources, fix.span);
      entry["fixes"].push_back({{"message", fix.message},
                                {"safe", fix.safe},
                                {"file", at.file},
                                {"line", at.begin.line},
                                {"column", at.begin.column},
                                {"end_line", at.end.line},
                                {"end_column", at.end.column},
                                {"replacement", fix.replacement}});
    }
    list.push_back(std::move(entry));
  }
  Json all = {{"diagnostics", std::move(list)}};
  // A path may hold any bytes; what is not UTF-8 becomes U+FFFD.
  return all.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace graphc
