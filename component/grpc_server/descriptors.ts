// The descriptors of the server's own services, health and reflection, which reflection gives to tools.

/** A `FileDescriptorSet` of gRPC's published files, without options: deflated (raw), in base64. */
export const serverDescriptors =
  '1VXPTxNBFGZbWuSV0jKVstagsKhUIS1UExUvClap6EJakMTLZlumdMOyW3e3xJ48GaNX/wovnj35J5j4B5k4O7Ol23a3PxJDwqmdN+99894333wL' +
  'v0Nw/dioV6QallWrlj1bz7J/mbqhWzqatjczTuhsXbgNaJsutmq4clLE7xvYtFAMJkxsnCkVzHMLXHpS+M5BoiPPrOuaidEzCJuWbDVMmjedW890' +
  '4mc8ijIlG1o7LtFCYReiHQEUgYkDcUfcPRTjY/ailC++LYgv4xxpKyLu7kutQAAlIEYXW3mpVRIUEjDDTn2tmJYzkfCDaw3Kok7/m3CF9Y/tCYLp' +
  'SG7NewJ3VabklOQ1y2im9skA7gDpOXiCm4w5lIPQmaw2MB8gy0huaQiCNgKPuNxfDsJsD+1BiO4joW8xHTQ1zAHoDYzbA6HFfsMyPGEwH6gIoUPZ' +
  'qtT+W4NrXDlM9XoffgGkqaANXFVxxVJ0jYhaVus1OdsOOeqeo9CusJMpfA3AnK0ybBTPN1tin4Lxmm5azn2lIF5VVCyVm5L9q8mnmA/aO9tjaAGS' +
  'dK+ia5asaESyktk8LesqP+5kiHCtOwN/sLBmkvP4EFXA3YxPk5l8K9PpjOAtw7ysqm0MSWuclrFhSnpVspp1zIedg+cgqpIrkZxna/ITbGNzBmKn' +
  '2DTlY0wYZG8hD/Huo0h9zNUzhWZ88BDvPp1KOST8CQLfy6kjCQRAZK8cSS5qX0FcN5RjRZPVVi/Oq1jz5cTv0krAU6KPsFkxlLqlGwSSnU0vI5LL' +
  '+mK+IIXPz+taLRMS38ENb7bPoUMD2j3nVaSVLmwRkh0X1MYMU8xVX0z7qZVYlQvvKUxjw3CPPUFx7vj3Zqe3ETYRxNvKYFHhISS92UHzMNtNOH1z' +
  '1DanhB2Y85kdJWG6LJuYikqi76mfsoJEWXuQ8BgaPXZ/lWyvTveVjatUuEk+FF1o5Nm3mxE2INrBjy1gxm9FP2JJITQLURZzeKPqncx94yDerVP0' +
  'Ea52xwpaVUcjSz21PkIFaz7NuQz0M8BSr4H2eifqPUX4dEG2WRhsm7c8WLhsjvlzVMfM+zrmihcdflclDjTLe15wvj55MKRPrvS9sx6LLAywyGUv' +
  'OG93fOLjjoueHV0aY9zxNsYH3ca45KeOC/PEL16e2PDxxFHEnFodLrnXCf8B'
