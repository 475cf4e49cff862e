"""graphc_library: compiles a graph definition into a library for cc_binary and cc_library.

Bazel sees the inputs that a rule names and no others, so `imports` lists the files that the
definition imports. Outputs depend on these bytes and the options alone, so that a remote cache
shares them.
"""

load("@rules_cc//cc:find_cc_toolchain.bzl", "find_cc_toolchain", "use_cc_toolchain")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")

def _graphc_library_impl(ctx):
    name = ctx.attr.model or ctx.label.name
    header = ctx.actions.declare_file(name + ".h")
    header_cpp = ctx.actions.declare_file(name + ".hpp")
    archive = ctx.actions.declare_file("lib" + name + ".a")
    arguments = ctx.actions.args()
    arguments.add("build")
    arguments.add(ctx.file.graph)
    arguments.add("--name", name)
    arguments.add("-o", archive.dirname)
    for key, value in ctx.attr.defines.items():
        arguments.add("-D", key + "=" + value)
    inputs = [ctx.file.graph] + ctx.files.imports
    if ctx.file.weights:
        arguments.add("--weights", ctx.file.weights)
        inputs.append(ctx.file.weights)
    if ctx.attr.cpu:
        arguments.add("--cpu", ctx.attr.cpu)
    ctx.actions.run(
        executable = ctx.executable.compiler,
        arguments = [arguments],
        inputs = inputs,
        outputs = [archive, header, header_cpp],
        mnemonic = "Graphc",
        use_default_shell_env = True,  # --action_env=PATH says where an installed compiler is
        progress_message = "Compiling %{input}",
    )

    toolchain = find_cc_toolchain(ctx)
    features = cc_common.configure_features(ctx = ctx, cc_toolchain = toolchain)
    library = cc_common.create_library_to_link(
        actions = ctx.actions,
        feature_configuration = features,
        cc_toolchain = toolchain,
        static_library = archive,
    )
    linker_input = cc_common.create_linker_input(
        owner = ctx.label,
        libraries = depset([library]),
    )
    own = CcInfo(
        compilation_context = cc_common.create_compilation_context(
            headers = depset([header, header_cpp]),
            includes = depset([archive.dirname]),
        ),
        linking_context = cc_common.create_linking_context(linker_inputs = depset([linker_input])),
    )
    return [
        DefaultInfo(files = depset([archive, header, header_cpp])),
        cc_common.merge_cc_infos(direct_cc_infos = [own], cc_infos = [ctx.attr.runtime[CcInfo]]),
    ]

graphc_library = rule(
    implementation = _graphc_library_impl,
    attrs = {
        "graph": attr.label(allow_single_file = [".graph"], mandatory = True),
        "imports": attr.label_list(allow_files = [".graph"]),
        "defines": attr.string_dict(),
        "weights": attr.label(allow_single_file = [".safetensors"]),
        "cpu": attr.string(),
        "model": attr.string(),
        "compiler": attr.label(executable = True, cfg = "exec", mandatory = True),
        "runtime": attr.label(providers = [CcInfo], mandatory = True),
    },
    fragments = ["cpp"],
    provides = [CcInfo],
    toolchains = use_cc_toolchain(),
)
