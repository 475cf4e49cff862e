"""The C++ toolchain, as a rule asks for it."""

def find_cc_toolchain(ctx):
    return ctx.toolchains["@bazel_tools//tools/cpp:toolchain_type"]

def use_cc_toolchain():
    return ["@bazel_tools//tools/cpp:toolchain_type"]
