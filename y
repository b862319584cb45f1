tarn: no kernel at x: see --kernel
