"""The classes of the VST3 bundle, as pedalboard loads them: a bundle with several wants a name."""

from pedalboard import VST3Plugin, load_plugin

CLASSES = ("Backline", "Backline Multi", "Backline Return")


def load(bundle, name="Backline"):
    return load_plugin(bundle, plugin_name=name)


def names(bundle):
    return tuple(VST3Plugin.get_plugin_names_for_file(bundle))
