"""Compiles the rooms named in setup.cfg, [aigw:compile], to machine code when AIGW_COMPILE is set; see docs/adr.

Everything else about the package stands in setup.cfg and pyproject.toml.
"""

import configparser
import os
from pathlib import Path

from setuptools import setup


def compiled() -> list:
    """The extension modules that mypyc makes of the hot path, none unless asked for."""
    if not os.environ.get("AIGW_COMPILE"):
        return []
    from mypyc.build import mypycify

    config = configparser.ConfigParser()
    config.read(Path(__file__).with_name("setup.cfg"))
    modules = config["aigw:compile"]["modules"].split()
    return mypycify(modules, opt_level="3", debug_level="0", group_name="aigw.compiled")


setup(ext_modules=compiled())
