"""What is kept between calls, each thing behind one interface with an embedded and a scaled-out form."""
