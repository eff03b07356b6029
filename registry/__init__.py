"""People and schools: the only room that holds personal data (design, section 8).

The modules are imported one by one; this file stays empty of imports, so that `--help` stays instant.
"""
