"""Copies of a whole database: into a file and back, and from one kind of database to the other.

All of them read rows in one canonical form, which is the same on both databases (`rows`), in the
order in which tables depend on each other (`shape`): so a backup of one can be restored into the
other, and what arrived can be compared with what left.
"""
