"""The bundled demos: generators of data and training scripts of small models, one package each."""
