"""cc_common with the functions of later versions, in terms of those of Bazel 2.1."""

load(":native.bzl", "native_cc_common")

def _create_linker_input(owner, libraries):
    return libraries

def _create_linking_context(linker_inputs):
    libraries = []
    for input in linker_inputs.to_list():
        libraries += input.to_list()
    return native_cc_common.create_linking_context(libraries_to_link = libraries)

def _merge_cc_infos(direct_cc_infos = [], cc_infos = []):
    return native_cc_common.merge_cc_infos(cc_infos = direct_cc_infos + cc_infos)

cc_common = struct(
    configure_features = native_cc_common.configure_features,
    create_compilation_context = native_cc_common.create_compilation_context,
    create_library_to_link = native_cc_common.create_library_to_link,
    create_linker_input = _create_linker_input,
    create_linking_context = _create_linking_context,
    merge_cc_infos = _merge_cc_infos,
)
