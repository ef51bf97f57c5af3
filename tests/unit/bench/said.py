"""A bench that is done at once."""

print('{"said": 1}')
