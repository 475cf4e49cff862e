// What the renderers of diagnostics share. One file per format: render_text.cpp,
// render_json.cpp, render_sarif.cpp, render_github.cpp, render_junit.cpp.
#pragma once

#include "source/diagnostics.h"

namespace graphc {

/// A span as people count: lines and columns from 1, the end exclusive. A span outside any
/// file has an empty file and stands at 1:1.
struct ShownPlace {
  std::string file;
  LineColumn begin, end;
};

ShownPlace placeOf(const SourceManager &sources, Span span);

/// A path relative to the current folder where it lies below it, without a leading "./".
std::string relativePath(const std::string &path);

/// "2 errors, 1 warning"; "" for an empty list.
std::string summaryLine(const Diagnostics &diagnostics);

std::string renderText(const Diagnostics &diagnostics, const RenderOptions &options);
std::string renderJson(const Diagnostics &diagnostics);
std::string renderSarif(const Diagnostics &diagnostics, const RenderOptions &options);
std::string renderGitHub(const Diagnostics &diagnostics);
std::string renderJUnit(const Diagnostics &diagnostics);

} // namespace graphc
