// What `graphc viz` asks of the library that knows Graphviz.
#pragma once

#include <string>

namespace graphc {

/// Lays out a graph in Graphviz's language and draws it as SVG. False, with the reason in `why`,
/// where Graphviz can't.
using LayoutSvg = bool (*)(const std::string &dot, std::string &svg, std::string &why);
constexpr const char *layoutSvgEntry = "graphc_layout_svg";

} // namespace graphc
